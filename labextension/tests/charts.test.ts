import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clip,
  linearAxis,
  nearestTick,
  positionOf,
  textAt,
  textWidth,
  thinned,
  timeUnit,
  valueAt
} from '../src/charts/axis';
import {
  active,
  inside,
  isEmpty,
  placeOf,
  regionOf,
  settled,
  shifted,
  spanText,
  valueFor
} from '../src/charts/brush';
import type { Brushes, Known, Span } from '../src/charts/brush';
import type { IAxis, IParallelInfo, IParameter, ITrialRecord } from '../src/model/protocol';

const RATE: IAxis = { name: 'lr', ticks: [], low: 1e-4, high: 0.1, log: true };
const UNITS: IAxis = { name: 'units', ticks: [], low: 32, high: 256, log: false };
const LAYERS: IAxis = { name: 'layers', ticks: [], low: 1, high: 4, log: false };
const ACTIVATION: IAxis = {
  name: 'activation',
  ticks: [
    { at: 0, text: 'relu' },
    { at: 0.5, text: 'tanh' },
    { at: 1, text: 'swish with a long na…' }
  ],
  low: null,
  high: null,
  log: false
};
const LOSS: IAxis = { name: 'val_loss', ticks: [], low: 1, high: 0.5, log: false };
const AXES = [RATE, UNITS, LAYERS, ACTIVATION, LOSS];

function parameter(name: string, more: Partial<IParameter>): IParameter {
  return {
    name,
    kind: 'float',
    default: 0,
    low: null,
    high: null,
    step: null,
    sampling: 'linear',
    choices: [],
    conditions: [],
    ...more
  };
}

const SPACE = [
  parameter('lr', { low: 1e-4, high: 0.1, sampling: 'log' }),
  parameter('units', { kind: 'int', low: 32, high: 256, step: 32 }),
  parameter('layers', { kind: 'int', low: 1, high: 4 }),
  parameter('activation', { kind: 'choice', choices: ['relu', 'tanh'] })
];
const TRIALS = [{ values: { activation: 'swish with a long name' } }] as unknown as ITrialRecord[];
const KNOWN: Known = { space: SPACE, trials: TRIALS };

function parallel(...rows: (number | null)[][]): IParallelInfo {
  const lines = rows.map((at, index) => ({
    trial: index + 1,
    at,
    rank: 0,
    state: 'completed' as const
  }));
  return { axes: AXES, lines, best: 1, hidden: 0 };
}

function brushed(...spans: [string, Span][]): Brushes {
  return new Map(spans);
}

test('positions become values and values positions, on linear and log axes and turned ones', () => {
  assert.equal(valueAt(UNITS, 0.5), 144);
  assert.equal(positionOf(UNITS, 144), 0.5);
  assert.ok(Math.abs((valueAt(RATE, 1 / 3) ?? 0) - 1e-3) < 1e-12);
  assert.ok(Math.abs((positionOf(RATE, 1e-3) ?? 0) - 1 / 3) < 1e-12);
  assert.equal(valueAt(LOSS, 1), 0.5);
  assert.equal(positionOf(LOSS, 0.5), 1);
  assert.equal(valueAt(ACTIVATION, 0.5), null);
  assert.equal(positionOf(RATE, 5), 1);
  assert.equal(textAt(RATE, 0.5), '0.00316');
  assert.equal(textAt(ACTIVATION, 0.4), 'tanh');
});

test('an axis of a single value has it in the middle', () => {
  assert.equal(positionOf({ ...UNITS, high: 32 }, 32), 0.5);
});

test('ticks that would touch are left out, the first one stays', () => {
  const ticks = [0, 0.1, 0.5, 0.55, 1].map(at => ({ at, text: String(at) }));
  const kept = thinned(ticks, 100, () => 10);
  assert.deepEqual(
    kept.map(tick => tick.at),
    [0, 0.5, 1]
  );
  assert.deepEqual(
    thinned([], 100, () => 10),
    []
  );
});

test('a text is cut to its room with an ellipsis, a wide script earlier', () => {
  assert.equal(clip('units', 100), 'units');
  const cut = clip('a_very_long_name_of_a_layer', 80);
  assert.match(cut, /^a_very_lon.*…$/);
  assert.ok(textWidth(cut) <= 80 + textWidth('…'));
  assert.ok(clip('学习率学习率学习率', 80).length < cut.length);
  assert.equal(clip('x', 0), 'x…');
});

test('a linear axis has few round ticks inside its range', () => {
  const { ticks } = linearAxis('score', 0.612, 0.988, 4);
  assert.deepEqual(
    ticks.map(tick => tick.text),
    ['0.7', '0.8', '0.9']
  );
  const [first] = ticks;
  assert.ok(Math.abs((first?.at ?? 0) - 0.088 / 0.376) < 1e-9);
  assert.equal(nearestTick(ticks, 0.9), 2);
  assert.equal(nearestTick([], 0.9), -1);
});

test('times are told in the unit that makes short numbers', () => {
  assert.deepEqual([timeUnit(90)[0], timeUnit(900)[0], timeUnit(9000)[0]], ['s', 'min', 'h']);
});

test('several brushes hold the trials that lie in all of them', () => {
  const info = parallel(
    [0.1, 0.2, 0.3, 0, 0.9],
    [0.1, 0.8, 0.3, 0.5, 0.5],
    [0.9, 0.2, 0.3, 1, null],
    [0.1, 0.2, null, 0, 0.1]
  );
  assert.deepEqual(inside(info, brushed(['lr', [0, 0.5]], ['units', [0, 0.5]])), [1, 4]);
  assert.deepEqual(inside(info, brushed(['val_loss', [0, 1]])), [1, 2, 4]);
  assert.deepEqual(inside(info, brushed(['layers', [0, 1]])), [1, 2, 3]);
  assert.deepEqual(inside(info, brushed()), [1, 2, 3, 4]);
  assert.deepEqual(inside(info, brushed(['gone', [0, 0.1]])), [1, 2, 3, 4]);
});

test('a brush becomes ranges rounded inward, choices and single values', () => {
  const region = regionOf(
    parallel(),
    brushed(
      ['lr', [0.2, 0.5]],
      ['units', [0.2, 0.8]],
      ['layers', [0.34, 0.6]],
      ['activation', [0.4, 1]],
      ['val_loss', [0.5, 1]]
    ),
    KNOWN
  );
  // 3.98e-4 … 3.16e-3, 76.8 … 211.2 in steps of 32, 2.02 … 2.8 in whole numbers.
  assert.deepEqual(region, {
    ranges: { lr: [0.000399, 0.00316], units: [96, 192] },
    fixed: { layers: 2 },
    choices: { activation: ['tanh', 'swish with a long name'] }
  });
});

test('an end of the axis is that end exactly, and a whole axis narrows nothing', () => {
  const { ranges } = regionOf(parallel(), brushed(['lr', [0.001, 0.5]]), KNOWN);
  assert.deepEqual(ranges, { lr: [1e-4, 0.00316] });
  assert.ok(isEmpty(regionOf(parallel(), brushed(['lr', [0.001, 0.999]]), KNOWN)));
  assert.ok(isEmpty(regionOf(parallel(), brushed(['val_loss', [0.5, 1]]), KNOWN)));
});

test('a step of a range that is sampled by logarithm is a factor', () => {
  const axis = { ...UNITS, low: 16, high: 256, log: true };
  const space = [parameter('units', { kind: 'int', low: 16, high: 256, step: 2, sampling: 'log' })];
  const info = { ...parallel(), axes: [axis, LOSS] };
  const { ranges } = regionOf(info, brushed(['units', [0.2, 0.8]]), { space, trials: [] });
  assert.deepEqual(ranges, { units: [32, 128] });
  assert.equal(valueFor(axis, 0.45, { space, trials: [] }), 64);
});

test('a position on an axis becomes a value of the space', () => {
  assert.equal(valueFor(RATE, 0.5, KNOWN), 0.00316);
  assert.equal(valueFor(RATE, 0, KNOWN), 1e-4);
  assert.equal(valueFor(UNITS, 0.45, KNOWN), 128);
  assert.equal(valueFor(LAYERS, 0.4, KNOWN), 2);
  assert.equal(valueFor(ACTIVATION, 0.9, KNOWN), 'swish with a long name');
  assert.equal(placeOf(ACTIVATION, 'tanh', KNOWN), 0.5);
  assert.equal(placeOf(ACTIVATION, 'elu', KNOWN), null);
  assert.equal(placeOf(UNITS, 144, KNOWN), 0.5);
});

test('choices that are numbers stand in order, as the ticks do; True is not 1', () => {
  const batch = { ...ACTIVATION, name: 'batch' };
  const space = [parameter('batch', { kind: 'choice', choices: [64, 16, 32] })];
  assert.equal(valueFor(batch, 0, { space, trials: [] }), 16);
  const flag = { ...ACTIVATION, name: 'flag', ticks: ACTIVATION.ticks.slice(0, 2) };
  const flags = [parameter('flag', { kind: 'boolean', choices: [false, true] })];
  assert.equal(valueFor(flag, 0.4, { space: flags, trials: [] }), true);
});

test('a brush moves and grows within its axis and is never turned round', () => {
  assert.deepEqual(shifted([0.5, 0.75], 0.5, 0), [0.75, 1]);
  assert.deepEqual(shifted([0.25, 0.5], -0.5, 0), [0, 0.25]);
  assert.deepEqual(shifted([0.25, 0.5], 0, 0.25), [0.25, 0.75]);
  assert.deepEqual(shifted([0.25, 0.5], 0, -0.5), [0.25, 0.25]);
});

test('a brush between two choices takes the nearer one', () => {
  assert.deepEqual(settled(ACTIVATION, [0.6, 0.7]), [0.5, 0.7]);
  assert.deepEqual(settled(RATE, [0.6, 0.7]), [0.6, 0.7]);
  assert.equal(spanText(ACTIVATION, [0, 0.5]), 'relu, tanh');
  assert.equal(spanText(UNITS, [0, 0.5]), '32 … 144');
});

test('values of hyperparameters that are not active are left out', () => {
  const space = [
    parameter('optimizer', { kind: 'choice', choices: ['adam', 'sgd'] }),
    parameter('momentum', { conditions: [{ parent: 'optimizer', values: ['sgd'] }] })
  ];
  const values = { optimizer: 'adam', momentum: 0.9, other: 1 };
  assert.deepEqual(active(values, space), { optimizer: 'adam' });
  assert.deepEqual(active({ ...values, optimizer: 'sgd' }, space), {
    optimizer: 'sgd',
    momentum: 0.9
  });
});
