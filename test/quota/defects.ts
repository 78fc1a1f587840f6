/** Defects to plant, one at a time: each breaks an invariant, and the tests have to say so. */
export interface Defect {
  name: string;
  file: string;
  from: string;
  to: string;
  /** A second place in the same file. */
  also?: { from: string; to: string };
}

const defect = (name: string, file: string, from: string, to: string): Defect => ({
  name,
  file: `core/quota/${file}.ts`,
  from,
  to,
});

export const defects: Defect[] = [
  defect(
    'a bucket leaves its window one bucket too early',
    'rolling-window',
    'Math.max(0, Math.floor(firstInside / this.bucketMilliseconds))',
    'Math.max(0, Math.floor(firstInside / this.bucketMilliseconds) + 1)',
  ),
  defect(
    'a decrease is granted again before its acknowledgement',
    'promises',
    'slots = Math.max(slots, this.slots[place]);',
    'slots = this.slots[place];',
  ),
  defect(
    'an acknowledgement of an earlier lease frees what the later ones promise',
    'promises',
    'while (superseded < this.count[row] && this.sequence[first + superseded] < sequence) superseded++;',
    'superseded = this.count[row];',
  ),
  defect(
    'a new lease begins with a full bucket',
    'leaseholders',
    'this.buckets.open(row, now, grant.bytesPerSecond, grant.burstBytes, 0)',
    'this.buckets.open(row, now, grant.bytesPerSecond, grant.burstBytes, grant.burstBytes)',
  ),
  {
    ...defect(
      'tokens of an expired lease are carried over',
      'leaseholders',
      'if (this.isLeased[row] === 0) this.buckets.open(row, now, grant.bytesPerSecond, grant.burstBytes, 0);',
      'if (this.account[row] < 2) this.buckets.open(row, now, grant.bytesPerSecond, grant.burstBytes, 0);',
    ),
    also: { from: 'this.buckets.close(row, nowMilliseconds);', to: 'this.buckets.underwayBytes[row] = 0;' },
  },
  defect('no fence', 'ledger', 'if (epoch < this.#epoch) return false;', ''),
  defect(
    'a grant over the demand',
    'round-plan',
    'table.add(canBeTold && !isHeldBack ? Math.min(asked, need) : 0)',
    'table.add(canBeTold && !isHeldBack ? Math.min(asked * 2, need) : 0)',
  ),
  defect(
    'tokens are rounded up at each refill',
    'token-bucket',
    'this.tokenBytes[row] += (filled - carry) / thousandths;',
    'this.tokenBytes[row] += Math.ceil(filled / thousandths);',
  ),
  defect(
    'shares are rounded as fractions',
    'water-filling',
    'this.share[row] = quotient(rest * this.weight[row], weightSum);',
    'this.share[row] = Math.round((rest / weightSum) * this.weight[row]);',
  ),
  defect(
    'the last band comes first',
    'rate-tree',
    'group < quotaBandCount ? group === band : nodes[group - quotaBandCount].band === band',
    'group < quotaBandCount ? group === 15 - band : nodes[group - quotaBandCount].band === 15 - band',
  ),
  defect(
    'the wall clock alone',
    'leaseholders',
    'clock.monotonicMilliseconds < this.endMonotonicMilliseconds[row] &&',
    '',
  ),
  defect(
    'the monotonic clock alone',
    'leaseholders',
    ' &&\n      clock.wallMilliseconds < this.endWallMilliseconds[row]',
    '',
  ),
  defect(
    'the holder counts from the grant, not from its request',
    'leaseholders',
    `const endMonotonic = this.sentMonotonicMilliseconds[place] + grant.ttlMilliseconds;
    const endWall = this.sentWallMilliseconds[place] + grant.ttlMilliseconds;`,
    `const endMonotonic = clock.monotonicMilliseconds + grant.ttlMilliseconds;
    const endWall = clock.wallMilliseconds + grant.ttlMilliseconds;`,
  ),
  defect(
    'the owner takes back without a slack',
    'round-plan',
    'accounts.requestedAtMilliseconds[row] + ttlMilliseconds + slackMilliseconds',
    'accounts.requestedAtMilliseconds[row] + ttlMilliseconds - slackMilliseconds',
  ),
  defect(
    'nobody waits after the ledger was lost',
    'owner',
    'if (state.isReplacement) {',
    'if (state.isReplacement && nowMilliseconds < 0) {',
  ),
  defect(
    'after a failover promises count from when they were made',
    'accounts',
    'nowMilliseconds + promise.ttlMilliseconds + slackMilliseconds',
    'nowMilliseconds + slackMilliseconds',
  ),
  defect(
    'while too much is committed, a holder may have again what it had',
    'allocate',
    'targets[row] = Math.min(targets[row], newest[row]);',
    'targets[row] = Math.min(targets[row], committed[row]);',
  ),
  defect(
    'what nobody reported comes back',
    'accounts',
    'this.report(row, nowMilliseconds, this.promises.committedPrepaidBytes[row]);\n    this.close',
    'this.#return(this.promises.committedPrepaidBytes[row] - this.spentBytes[row]);\n' +
      '    this.promises.clear(row, this.spentBytes[row]);\n    this.close',
  ),
  defect(
    'what is spent is not counted in the windows',
    'accounts',
    'window.settle(nowMilliseconds, bytes, bytes)',
    'window.settle(nowMilliseconds, bytes, 0)',
  ),
  defect(
    'a reserve is booked twice',
    'accounts',
    'if (bytes > 0) this.#reserve(bytes);',
    'if (bytes > 0) this.#reserve(bytes * 2);',
  ),
  defect(
    'a late copy of a request counts as a new one',
    'owner',
    'if (message.number <= accounts.number[row]) return;',
    'if (message.number === accounts.number[row]) return;',
  ),
  defect(
    'a restarted holder does not wait for its old lease',
    'owner',
    'if (accounts.promises.count[row] > 0) return;\n      this.#open',
    'accounts.release(row, nowMilliseconds, accounts.spentBytes[row]);\n      this.#open',
  ),
  defect(
    'equal holders are served in the order in which they came',
    'round-plan',
    'sortRows(accounts.holder, this.rows, this.spareRows, count, smallerFirst);',
    '',
  ),
  defect('a served holder keeps its slot for ever', 'round-plan', 'isServed && nowMilliseconds < turnEnd', 'isServed'),
  defect(
    'an idle share is never taken back',
    'need',
    'this.bytesPerSecond[row] = Math.max(terms.probeBytesPerSecond, usedBytesPerSecond * 2);',
    '',
  ),
  defect(
    'bytes under way leave the bucket',
    'token-bucket',
    'const fullBytes = Math.max(0, this.burstBytes[row] - this.underwayBytes[row]);',
    'const fullBytes = this.burstBytes[row];',
  ),
  defect(
    'acknowledged while connections are still to be closed',
    'leaseholders',
    ' || this.openCount[row] > this.slots[row]) return;',
    ') return;',
  ),
  defect(
    'a sub-lease is acknowledged before what was passed on fits into it',
    'sub-owner',
    'this.#lease.passOn(row, accounts.totals.spentBytes, this.#fits());',
    'this.#lease.passOn(row, accounts.totals.spentBytes, true);',
  ),
  defect(
    'what is passed on outlives the sub-lease',
    'round-plan',
    'return Math.min(ttlMilliseconds, owner.leaseEndMaxMilliseconds - slackMilliseconds - requestedAt);',
    'return Math.min(ttlMilliseconds, Infinity * slackMilliseconds - requestedAt);',
  ),
  defect(
    'nobody below the first node has a floor',
    'rate-tree',
    'Math.min(most, Math.max(floor, this.holderFloorBytesPerSecond[group]))',
    '0',
  ),
];
