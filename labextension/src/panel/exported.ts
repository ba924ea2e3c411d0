/** What the unfolded row of an artefact says: facts, confusion, the samples it answers otherwise. */
import { formatBytes, formatNumber, formatSeconds, formatShare } from '../model/format';
import type { IAnswer, IFlip, IFlipsInfo, IModelExported } from '../model/protocol';
import type { Translate } from '../model/texts';
import { line, svg } from '../charts/svg';
import { make, makeButton, setText } from './dom';
import type { StudyStore } from './store';
import { saveFile } from './tools';

const [WIDTH, HEIGHT] = [96, 48];
const MOST_VALUES = 12;

export function exportKey({ trial, target, mode }: IModelExported): string {
  return `${trial ?? ''} ${target} ${mode}`;
}

/** A TF Lite mode or a target, in words. */
export function exportName(target: string, mode: string, t: Translate): string {
  return target === 'tflite'
    ? t(`panel.modes.${mode}`)
    : `${t(`panel.target.${target}`)}${mode === 'none' ? '' : ` ${mode}`}`;
}

/** An artefact in one line, for the read-out. */
export function describeExport({ view, t }: StudyStore, key: string): string {
  const one = view.exports.find(result => exportKey(result) === key);
  return one === undefined
    ? ''
    : [
        exportName(one.target, one.mode, t),
        t(`panel.verdict.${one.verdict}`),
        formatBytes(one.bytes),
        scoresText(one),
        `${formatNumber(one.microseconds)} µs`
      ].join(' · ');
}

export function scoresText({ score_before, score_after }: IModelExported): string {
  return score_after === null
    ? '–'
    : `${formatNumber(score_before)} → ${formatNumber(score_after)}`;
}

export interface IExportDetails {
  readonly node: HTMLElement;
  readonly result: IModelExported;
  /** Bring it up to date with the kernel's latest answer. */
  update(): void;
  dispose(): void;
}

/** Asks the kernel for the samples until it is disposed. */
export function makeExportDetails(store: StudyStore, result: IModelExported): IExportDetails {
  const { t } = store;
  const options = { export: exportKey(result) };
  const asks = result.flips.length > 0 && result.target === 'tflite';
  const facts = factsOf(result, t).filter(([, text]) => text !== '');
  const said = make('span', { className: 'tm-wrong', attributes: { role: 'status' } });
  const download = makeButton(t('panel.export.download'), '', () => {
    setText(said, '');
    store.command('download', options, (answer, [content]) => {
      if (answer.ok && content !== undefined) {
        saveFile(answer.message, 'application/octet-stream', content as DataView<ArrayBuffer>);
      }
      setText(said, answer.ok ? '' : answer.message);
      return true;
    });
  });
  download.hidden = result.path === '';
  const cards = make('div', { className: 'tm-row tm-flips' });
  const head = make('div', { className: 'tm-hint', text: t('panel.export.flips_waiting') });
  head.hidden = cards.hidden = !asks;
  const node = make(
    'div',
    { className: 'tm-details-box' },
    make(
      'dl',
      {},
      ...facts.flatMap(([term, text]) => [make('dt', { text: term }), make('dd', { text })])
    ),
    make('div', { className: 'tm-row' }, download, said),
    make(
      'div',
      { className: 'tm-row tm-flips' },
      ...(result.confusion === null ? [] : [confusionTable(result.confusion, t)]),
      make('div', {}, head, cards)
    )
  );
  let shown: IAnswer | null = null;
  if (asks) {
    store.ask('flips', options, true);
  }
  return {
    node,
    result,
    update() {
      const answer = asks ? store.answerOf('flips', options) : null;
      if (answer === null || answer === shown) {
        return;
      }
      shown = answer;
      const info = answer.info as unknown as IFlipsInfo | null;
      setText(head, info === null ? answer.error : t('panel.export.flips'));
      cards.replaceChildren(
        ...(info === null ? [] : info.flips.map(flip => flipCard(flip, info.names, t)))
      );
    },
    dispose() {
      if (asks) {
        store.ask('flips', options, false);
      }
    }
  };
}

/** What is said, in order; texts may be empty. */
function factsOf(one: IModelExported, t: Translate): [string, string][] {
  const times = t('panel.export.times', {
    median: formatNumber(one.microseconds),
    least: formatNumber(one.microseconds_least),
    threads: one.threads ?? 1,
    batch: one.batch ?? 1
  });
  return [
    [t('panel.export.result'), t.fact(one.message)],
    [t('panel.export.limit'), t.fact(one.tolerance_reason)],
    [t('panel.export.runtime'), one.runtime],
    [t('panel.export.speed'), one.microseconds === null ? '' : times],
    [t('panel.export.samples'), String(one.samples ?? '')],
    [t('panel.export.made_in'), one.seconds === null ? '' : formatSeconds(one.seconds)],
    [t('panel.export.operations'), one.operations.join(', ')],
    [t('panel.export.warnings'), one.warnings.map(t.fact).join(' · ')],
    // Where the folder lies on the machine is nobody's business in a shared notebook.
    [t('panel.export.file'), one.path.replace(/^.*[\\/]/, '')]
  ];
}

/** Truth down, answers across; right ones blue, wrong ones orange, the deeper the more of their row. */
function confusionTable(counts: readonly (readonly number[])[], t: Translate): HTMLElement {
  const head = (text: string, scope: string): HTMLElement =>
    make('th', { text, attributes: { scope } });
  const label = t('panel.export.confusion');
  const rows = counts.map((row, truth) => {
    const all = Math.max(
      1,
      row.reduce((sum, count) => sum + count, 0)
    );
    const cells = row.map((count, answer) => {
      const cell = make('td', { text: count === 0 ? '·' : String(count) });
      const colour = truth === answer ? 'best' : 'running';
      const deep = count === 0 ? 0 : Math.round(8 + 37 * (count / all));
      cell.style.background = `color-mix(in srgb, var(--tm-${colour}) ${deep}%, transparent)`;
      return cell;
    });
    return make('tr', {}, head(String(truth), 'row'), ...cells);
  });
  const columns = counts.map((_, answer) => head(String(answer), 'col'));
  return make(
    'div',
    {
      className: 'tm-confusion',
      attributes: { tabindex: '0', role: 'group', 'aria-label': label }
    },
    make(
      'table',
      {},
      make('caption', { text: label }),
      make('thead', {}, make('tr', {}, make('td'), ...columns)),
      make('tbody', {}, ...rows)
    )
  );
}

function flipCard({ sample, truth, keras, file }: IFlip, names: readonly string[], t: Translate) {
  const words = t(truth === '' ? 'panel.export.flip' : 'panel.export.flip_true', {
    row: sample.row,
    truth,
    keras,
    file
  });
  const node = make('figure', {}, pictureOf(sample.picture, sample.values, names));
  node.append(make('figcaption', { text: words }));
  return node;
}

function pictureOf(url: string, values: readonly number[], names: readonly string[]): Element {
  if (url !== '') {
    return make('img', { attributes: { src: url, alt: '' } });
  }
  if (names.length > 0 || values.length <= MOST_VALUES) {
    const shown = values.slice(0, MOST_VALUES).map((value, index) => {
      const name = names[index];
      return `${name === undefined ? '' : `${name} `}${formatNumber(value)}`;
    });
    return make('code', { text: shown.join(', ') + (values.length > MOST_VALUES ? ' …' : '') });
  }
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const points = values.map((value, index) => ({
    x: (index / (values.length - 1)) * WIDTH,
    y: HEIGHT - 3 - ((value - low) / (high - low || 1)) * (HEIGHT - 6)
  }));
  const path = svg('path', { d: line(points), class: 'tm-line-mark' });
  return svg('svg', { width: WIDTH, height: HEIGHT, class: 'tm-svg', 'aria-hidden': 'true' }, path);
}

export const TITLES: readonly [string, boolean, (one: IModelExported) => string | number | null][] =
  [
    ['mode', false, () => null],
    ['result', false, one => one.verdict],
    ['size', true, one => one.bytes],
    ['gzip', true, one => one.gzip_bytes],
    ['score', true, one => one.score_after],
    ['agreement', true, one => one.agreement],
    ['difference', true, one => one.max_abs_diff],
    ['speed', true, one => one.microseconds]
  ];

/** The texts of a row behind name and verdict. */
export function cellTexts(one: IModelExported): string[] {
  return [
    formatBytes(one.bytes),
    formatBytes(one.gzip_bytes),
    scoresText(one),
    formatShare(one.agreement),
    formatNumber(one.max_abs_diff),
    formatNumber(one.microseconds)
  ];
}
