// test-time-limit: 300s
/**
 * What a second costs the owner of a ledger, by the number of holders: a third of them renew, acknowledge and report;
 * then one round expires, shares, promises, and lists what to write.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Leaseholders } from '#core/quota/leaseholders.ts';
import { MemoryLedger } from '#core/quota/ledger.ts';
import { OriginOwner } from '#core/quota/owner.ts';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import { shareNode } from '#core/quota/tree.ts';
import { cpuSeconds } from './calibration.ts';

const bench = suite('quota-owner');
const seconds = 9;

for (const count of [1_000, 10_000, 100_000]) {
  bench(`${count} holders`, () => {
    const windows = [{ windowMilliseconds: 86_400_000, bytes: 1e15 }];
    const contract = { connections: count, bytesPerSecond: count * 500_000, burstBytes: count * 500_000, windows };
    const nodes = [shareNode(0), shareNode(1), shareNode(1, { weight: 3 })];
    const options = { origin: 0, contract, terms: quotaTermsDefault, nodes, holdersMax: count };
    const ledger = new MemoryLedger();
    const owner = new OriginOwner(options, ledger.takeOver(), 0);
    const table = new Leaseholders(count);
    for (let row = 0; row < count; row++) table.open(row, 0, row, row % nodes.length, 1);
    const cost = { rounds: 0, round: 0, messages: 0, message: 0, grants: 0 };
    for (let second = 0; second < seconds; second++) {
      const now = second * 1000;
      const clock = { monotonicMilliseconds: now, wallMilliseconds: now };
      for (let row = second % 3; row < count; row += 3) {
        const request = table.request(row, clock, 1_000_000, 1);
        const before = cpuSeconds();
        owner.receive(request, now);
        if (second >= 3) cost.message += cpuSeconds() - before;
        cost.messages += second >= 3 ? 1 : 0;
      }
      const before = cpuSeconds();
      const { grants, entries, epoch } = owner.round(now, now);
      if (second >= 3) cost.round += cpuSeconds() - before;
      cost.rounds += second >= 3 ? 1 : 0;
      cost.grants += grants.length;
      assert.ok(ledger.write(epoch, entries));
      for (const grant of grants) {
        table.receive(grant.holder, clock, grant);
        const answer = table.acknowledgement(grant.holder);
        if (answer !== undefined) owner.receive(answer, now);
      }
    }
    const round = (cost.round / cost.rounds) * 1000;
    const message = (cost.message / cost.messages) * 1e6;
    const each = Math.round(cost.grants / seconds);
    console.log(
      `${count} holders: ${round.toFixed(1)} ms a round with ${each} grants, ${message.toFixed(1)} µs a request`,
    );
  });
}

bench.run();
