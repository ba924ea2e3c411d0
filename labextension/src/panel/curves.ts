/** The learning curves with their choice of metric, legend and read-out. */
import { CurvesChart } from '../charts/curves';
import type { IHover } from '../charts/curves';
import type { ICurvesInfo } from '../charts/series';
import { baseMetric, curvesInfo, metricNames } from '../charts/series';
import { formatNumber, formatScore } from '../model/format';
import type { IStudyView } from '../model/protocol';
import { bestTrial } from '../model/trials';
import { make, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';
import { TEXT } from './text';

export interface ICurvesSection extends ISection {
  /** Mark one trial's curve, or none. */
  select(trial: number | null): void;
  recolour(): void;
  dispose(): void;
}

export function makeCurves(store: StudyStore): ICurvesSection {
  const menu = make('select', { className: 'tm-select' });
  const label = make('label', {}, make('span', { text: TEXT.metric }), menu);
  const readout = make('span', { className: 'tm-readout' });
  const canvas = make('div', { className: 'tm-chart', attributes: { role: 'img' } });
  const empty = make('p', { className: 'tm-empty', text: TEXT.noCurves });
  const legend = makeLegend();
  const node = make(
    'div',
    { className: 'tm-curves', attributes: { role: 'group', 'aria-label': TEXT.curves } },
    make('div', { className: 'tm-row' }, label, readout),
    make('div', { className: 'tm-chart-box' }, canvas, empty),
    legend.node
  );
  let info: ICurvesInfo | null = null;
  let selected: number | null = null;
  let chosen: string | null = null;
  let shownView: IStudyView | null = null;
  const chart = new CurvesChart(canvas, TEXT.epoch, hover => {
    setText(readout, hover === null ? restingText(info) : hoverText(hover));
  });

  menu.addEventListener('change', () => {
    chosen = menu.value;
    redraw();
  });

  function redraw(): void {
    const { view } = store;
    shownView = view;
    const names = metricNames(view);
    fillMenu(menu, names);
    const metric =
      chosen !== null && names.includes(chosen) ? chosen : (names[0] ?? baseMetric(view.objective));
    menu.value = metric;
    info = curvesInfo(view, metric, selected);
    empty.hidden = info.series.length > 0;
    legend.update(info);
    chart.draw(info);
    setText(readout, restingText(info));
    canvas.setAttribute('aria-label', pictureText(view, info));
  }

  return {
    node,
    update() {
      if (store.view !== shownView) {
        redraw();
      }
    },
    select(trial) {
      selected = trial;
      redraw();
    },
    recolour() {
      chart.recolour();
    },
    dispose() {
      chart.dispose();
    }
  };
}

function fillMenu(menu: HTMLSelectElement, names: readonly string[]): void {
  if (names.join('\n') !== [...menu.options].map(option => option.value).join('\n')) {
    menu.replaceChildren(
      ...names.map(name => make('option', { text: name, attributes: { value: name } }))
    );
  }
}

function hoverText({ series, epoch, value }: IHover): string {
  return TEXT.point(series.trial, series.run, series.metric, epoch, formatNumber(value));
}

function restingText(info: ICurvesInfo | null): string {
  if (info === null) {
    return '';
  }
  const parts = info.drawnTrials < info.trials ? [TEXT.drawn(info.drawnTrials, info.trials)] : [];
  return [...parts, ...(info.clipped ? [TEXT.clipped] : [])].join(' · ');
}

function pictureText(view: IStudyView, info: ICurvesInfo): string {
  const best = bestTrial(view);
  const words =
    best === null
      ? TEXT.noBest
      : `${TEXT.best(view.objective)} ${formatScore(best)} ${TEXT.bestTrial(best.number)}`;
  return TEXT.picture(info.metric, info.drawnTrials, words);
}

function makeLegend(): { readonly node: HTMLElement; update(info: ICurvesInfo): void } {
  const entries = (
    [
      ['best', TEXT.legendBest],
      ['running', TEXT.legendRunning],
      ['selected', TEXT.legendSelected],
      ['other', TEXT.legendOther],
      ['pruned', TEXT.legendPruned],
      ['train', TEXT.legendTrain]
    ] as const
  ).map(([role, text]) => {
    const swatch = make('span', { className: `tm-swatch tm-swatch-${role}` });
    return { role, node: make('li', {}, swatch, make('span', { text })) };
  });
  const node = make('ul', { className: 'tm-legend' }, ...entries.map(entry => entry.node));
  return {
    node,
    update(info) {
      const present = new Set<string>(info.series.map(one => one.role));
      if (info.series.some(one => one.dashed)) {
        present.add('train');
      }
      for (const entry of entries) {
        entry.node.hidden = !present.has(entry.role);
      }
    }
  };
}
