import { suite } from 'uvu';
import { equal, is, ok } from 'uvu/assert';
import { Benefits, benefitTermsDefault } from '#core/quota/benefit.ts';
import { Forecast, forecastTermsDefault, heldBackBytesPerSecond } from '#core/quota/forecast.ts';
import { MemoryLedger } from '#core/quota/ledger.ts';
import { OriginOwner } from '#core/quota/owner.ts';
import { quotaTermsDefault } from '#core/quota/terms.ts';
import { shareNode } from '#core/quota/tree.ts';

const test = suite('core/quota/forecast');

/** A day with a morning and an evening peak. */
const dayOf = (slot: number) => 1000 + (slot % 96 > 30 && slot % 96 < 40 ? 5000 : 0) + (slot % 96 > 70 ? 3000 : 0);

test('a day that repeats itself is expected before it comes; a naive forecast is off by every step', () => {
  const forecast = new Forecast(forecastTermsDefault);
  for (let slot = 0; slot < 14 * 96; slot++) forecast.measure(dayOf(slot));
  let error = 0;
  let naiveError = 0;
  for (let slot = 14 * 96; slot < 15 * 96; slot++) {
    error += Math.abs(forecast.bytesPerSecond(1) - dayOf(slot));
    naiveError += Math.abs(dayOf(slot - 1) - dayOf(slot));
    forecast.measure(dayOf(slot));
  }
  ok(error < naiveError / 2, `${error} against ${naiveError}`);
  is(forecast.bytesPerSecond(35) > 4000, true, 'the morning to come');
});

test('a trend is followed; nothing measured is nothing expected; never negative', () => {
  const forecast = new Forecast({ slotCount: 1, levelThousandths: 300, trendThousandths: 50, seasonThousandths: 0 });
  is(forecast.bytesPerSecond(1), 0);
  for (let slot = 0; slot < 400; slot++) forecast.measure(10_000 - 20 * slot);
  ok(Math.abs(forecast.bytesPerSecond(1) - 2000) < 100, String(forecast.bytesPerSecond(1)));
  is(forecast.bytesPerSecond(4000), 0);
});

test('what the first band is expected to need is not lent, but floors are kept', () => {
  is(heldBackBytesPerSecond(500, 200), 300);
  is(heldBackBytesPerSecond(200, 500), 0);
  const contract = { connections: 10, bytesPerSecond: 100_000, burstBytes: 100_000, windows: [] };
  const nodes = [shareNode(0), shareNode(1, { floorBytesPerSecond: 30_000 })];
  const options = { origin: 0, contract, terms: quotaTermsDefault, nodes, holdersMax: 4 };
  const granted = (forecastBytesPerSecond: number) => {
    const owner = new OriginOwner(options, new MemoryLedger().takeOver(), 0);
    owner.forecastBytesPerSecond = forecastBytesPerSecond;
    const of = { origin: 0, account: 1, spentBytes: 0, number: 1, slotsWanted: 1, epoch: 0, sequence: 0 };
    owner.receive({ kind: 'request', holder: 0, node: 0, demandBytesPerSecond: 10_000, ...of }, 0);
    owner.receive({ kind: 'request', holder: 1, node: 1, demandBytesPerSecond: 200_000, ...of }, 0);
    return owner.round(0, 0).grants.map(({ bytesPerSecond }) => bytesPerSecond);
  };
  equal(granted(0), [10_000, 80_000]);
  equal(granted(50_000), [10_000, 40_000]);
  equal(granted(1_000_000), [10_000, 30_000]);
});

test('weights follow what a swarm makes of an origin byte, and fade', () => {
  const benefits = new Benefits(3, { ...benefitTermsDefault, bytesMin: 1000 });
  equal(
    [0, 1, 2].map((node) => benefits.weight(node)),
    [55, 55, 55],
    'nothing is known',
  );
  benefits.measure(0, 0, 10_000, 90_000);
  benefits.measure(1, 0, 10_000, 10_000);
  benefits.measure(2, 0, 100, 5000);
  equal(
    [0, 1, 2].map((node) => benefits.weight(node)),
    [88, 19, 55],
    'the third is not known yet',
  );
  for (let at = 1000; at <= 600_000; at += 1000) benefits.measure(1, at, 100, 900);
  ok(benefits.weight(1) > benefits.weight(0) - 5, 'what was is forgotten');
  const twice = [new Benefits(1, benefitTermsDefault), new Benefits(1, benefitTermsDefault)];
  for (const one of twice) one.measure(0, 0, 1e9, 1e9);
  for (let at = 0; at <= 90_000; at += 100) twice[0]!.measure(0, at, 0, 0);
  twice[1]!.measure(0, 90_000, 0, 0);
  ok(Math.abs(twice[0]!.meanRatio() - twice[1]!.meanRatio()) < 1e-9);
});

test.run();
