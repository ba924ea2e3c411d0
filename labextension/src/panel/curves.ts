/** The learning curves with their choice of metric, legend and read-out. */
import { CurvesChart } from '../charts/curves';
import type { IHover } from '../charts/curves';
import type { ICurvesInfo } from '../charts/series';
import { baseMetric, curvesInfo, metricNames } from '../charts/series';
import { formatNumber, formatScore } from '../model/format';
import type { IStudyView } from '../model/protocol';
import type { Translate } from '../model/texts';
import { bestTrial } from '../model/trials';
import { make, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';

const LEGEND = ['best', 'running', 'selected', 'other', 'pruned', 'train'];

export interface ICurvesSection extends ISection {
  /** Mark one trial's curve, or none. */
  select(trial: number | null): void;
  recolour(): void;
  dispose(): void;
}

export function makeCurves(store: StudyStore): ICurvesSection {
  const { t } = store;
  const menu = make('select', { className: 'tm-select' });
  const label = make('label', {}, make('span', { text: t('panel.metric') }), menu);
  const readout = make('span', { className: 'tm-readout' });
  const canvas = make('div', { className: 'tm-chart', attributes: { role: 'img' } });
  const empty = make('p', { className: 'tm-empty', text: t('panel.no_curves') });
  const legend = makeLegend(t);
  const node = make(
    'div',
    { className: 'tm-curves', attributes: { role: 'group', 'aria-label': t('panel.curves') } },
    make('div', { className: 'tm-row' }, label, readout),
    make('div', { className: 'tm-chart-box' }, canvas, empty),
    legend.node
  );
  let info: ICurvesInfo | null = null;
  let selected: number | null = null;
  let chosen: string | null = null;
  let shownView: IStudyView | null = null;
  const chart = new CurvesChart(canvas, t('panel.epoch'), hover => {
    setText(readout, hover === null ? restingText(info, t) : hoverText(hover, t));
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
    setText(readout, restingText(info, t));
    canvas.setAttribute('aria-label', pictureText(view, info, t));
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

function hoverText({ series, epoch, value }: IHover, t: Translate): string {
  const { trial, run, metric } = series;
  const key = run > 1 ? 'panel.point_of_run' : 'panel.point';
  return t(key, { trial, run, metric, epoch, value: formatNumber(value) });
}

function restingText(info: ICurvesInfo | null, t: Translate): string {
  if (info === null) {
    return '';
  }
  const parts =
    info.drawnTrials < info.trials
      ? [t('panel.drawn', { drawn: info.drawnTrials, all: info.trials })]
      : [];
  return [...parts, ...(info.clipped ? [t('panel.clipped')] : [])].join(' · ');
}

function pictureText(view: IStudyView, info: ICurvesInfo, t: Translate): string {
  const best = bestTrial(view);
  const words =
    best === null
      ? t('panel.no_best')
      : [
          t('panel.best', { objective: view.objective }),
          formatScore(best),
          t('panel.best_trial', { number: best.number })
        ].join(' ');
  const trials = t('panel.trials', { count: info.drawnTrials });
  return t('panel.picture', { metric: info.metric, trials, best: words });
}

function makeLegend(t: Translate): { readonly node: HTMLElement; update(info: ICurvesInfo): void } {
  const entries = LEGEND.map(role => {
    const swatch = make('span', { className: `tm-swatch tm-swatch-${role}` });
    const text = make('span', { text: t(`panel.legend.${role}`) });
    return { role, node: make('li', {}, swatch, text) };
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
