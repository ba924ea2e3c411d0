/** Every text that a user sees in the panel, in one place so that it can be translated. */
import type { StudyState, TrialState, Verdict } from '../model/protocol';

const STUDY_STATE: Readonly<Record<StudyState, string>> = {
  new: 'starting',
  running: 'running',
  paused: 'paused',
  finished: 'finished',
  stopped: 'stopped',
  failed: 'failed',
  interrupted: 'interrupted'
};

const TRIAL_STATE: Readonly<Record<TrialState, string>> = {
  running: 'running',
  completed: 'completed',
  pruned: 'pruned',
  stopped: 'stopped early',
  failed: 'failed',
  interrupted: 'interrupted'
};

const VERDICT: Readonly<Record<Verdict, string>> = {
  verified: 'verified',
  'not verified': 'not verified',
  failed: 'failed'
};

const plural = (count: number, one: string, many: string): string =>
  `${count} ${count === 1 ? one : many}`;

export const TEXT = {
  panel: (study: string) => (study === '' ? 'Keras search' : `Keras search ${study}`),
  unnamed: 'search',
  studyState: STUDY_STATE,
  stopping: 'stopping',
  trialState: TRIAL_STATE,
  skipped: 'skipped',
  verdict: VERDICT,
  waitingForKernel: 'Waiting for the kernel …',

  trials: (done: number, total: number | null, pruned: number, skipped: number) => {
    const count =
      total === null
        ? plural(done, 'trial', 'trials')
        : `${done}/${plural(total, 'trial', 'trials')}`;
    const cut = [
      ...(pruned > 0 ? [`${pruned} pruned`] : []),
      ...(skipped > 0 ? [`${skipped} skipped`] : [])
    ];
    return cut.length > 0 ? `${count} (${cut.join(', ')})` : count;
  },
  elapsed: (clock: string) => `${clock} elapsed`,
  left: (clock: string) => `about ${clock} left`,
  starting: (workers: number) => (workers > 1 ? 'starting workers' : 'starting worker'),
  seconds: (seconds: number) => `(${Math.floor(seconds)} s)`,
  progress: 'Share of the trials that have ended',
  best: (objective: string) => `best ${objective}`,
  bestTrial: (number: number) => `in trial ${number}`,
  noBest: 'no score yet',
  paretoTrials: (count: number) => ` · ${plural(count, 'Pareto trial', 'Pareto trials')}`,
  spoken: (state: string, done: string, best: string | null) =>
    best === null ? `${state}, ${done}` : `${state}, ${done}, best ${best}`,

  setup: 'How the search runs',
  strategy: (name: string) => `Strategy: ${name}`,
  pruner: (name: string) => `pruner: ${name}`,
  because: (what: string, reason: string) => (reason === '' ? what : `${what} — ${reason}`),
  runs: (repeats: number, folds: number) =>
    [
      ...(repeats > 1 ? [`${repeats} repeats`] : []),
      ...(folds > 0 ? [plural(folds, 'fold', 'folds')] : [])
    ].join(' × '),
  runsInKernel: 'Trials run in the kernel',
  runsIsolated: (workers: number) =>
    `Trials run in ${workers === 1 ? 'an isolated worker' : `${workers} isolated workers`}`,
  runsOnCluster: (workers: number) =>
    `Trials run on a Dask cluster${workers > 0 ? `, ${plural(workers, 'worker', 'workers')}` : ''}`,
  runsReplayed: 'Trials are replayed from stored learning curves',

  stop: 'Stop',
  stopTitle: 'End the search after the running step and keep everything',
  detach: 'Detach',
  detachTitle: 'Free the cell; the search goes on in the background',
  busy: 'The kernel is busy: use Interrupt (■) to stop.',
  refused: (message: string) => `Not done: ${message}`,
  otherVersion:
    'The kernel runs another version of tunemagic than this panel. Restart the kernel, then reload the page.',

  curves: 'Learning curves',
  metric: 'Metric',
  legendBest: 'best',
  legendRunning: 'running',
  legendSelected: 'selected',
  legendOther: 'other trials',
  legendPruned: 'pruned',
  legendTrain: 'training (dashed)',
  drawn: (drawn: number, all: number) => `${drawn} of ${all} trials drawn`,
  clipped: 'outliers lie outside the picture',
  epoch: 'epoch',
  noCurves: 'The first epoch has not ended yet.',
  point: (trial: number, run: number, metric: string, epoch: number, value: string) =>
    `trial ${trial}${run > 1 ? `, run ${run}` : ''} · epoch ${epoch} · ${metric} ${value}`,
  picture: (metric: string, trials: number, best: string) =>
    `Learning curves of ${metric} for ${plural(trials, 'trial', 'trials')}. ${best}`,

  table: 'Trials',
  trial: 'trial',
  state: 'state',
  pareto: 'Pareto',
  paretoMark: '◆',
  epochOf: (done: number, all: number) => `${done}/${all}`,
  runOf: (run: number, all: number) => `, run ${run}/${all}`,
  bestEpoch: 'best epoch',
  time: 'time',
  noTrials: 'No trial has started yet.',
  sortBy: (column: string) => `Sort by ${column}`,
  details: 'Show or hide the details of this trial',
  bestNumber: (number: number) => `${number} ★`,
  why: 'proposed as',
  parent: (number: number) => `goes on from trial ${number}`,
  trainer: 'trained by',
  worker: 'worker',
  scores: 'scores of its runs',
  wentOn: (attempt: number, run: number, epoch: number) =>
    `${attempt}, went on ${epoch > 0 ? `after epoch ${epoch}` : 'at the beginning'}${run > 1 ? ` of run ${run}` : ''}`,
  attempt: 'attempt',
  reason: 'reason',
  yourLine: 'your line',
  line: (number: number) => `line ${number}`,
  metrics: 'metrics',
  weights: 'weights',
  weightsKept: (size: string) => `kept, ${size}`,
  epochs: 'epochs',
  epochsOf: (done: number, all: number) => `${done} of ${all}`,

  notes: 'Notes',
  failure: 'The search ended with a failure',

  exports: 'Convert the best model to TF Lite',
  mode: 'Quantisation',
  modes: {
    none: 'none (float32)',
    dynamic: 'dynamic range',
    float16: 'float16',
    int8: 'int8',
    all: 'all four'
  },
  results: 'Converted files',
  convert: 'Convert',
  converting: 'Converting …',
  exportMode: 'mode',
  size: 'size',
  gzip: 'gzipped',
  scoreChange: 'score',
  agreement: 'agreement',
  difference: 'max diff',
  speed: 'µs/sample',
  result: 'result',
  remark: (mode: string, message: string) => `${mode}: ${message}`,
  arrow: (before: string, after: string) => `${before} → ${after}`
} as const;
