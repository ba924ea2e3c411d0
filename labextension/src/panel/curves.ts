/** The learning curves with their choice of metric and scale, zoom, legend and read-out. */
import { CurvesChart } from '../charts/curves';
import type { IHover } from '../charts/curves';
import type { ICurvesInfo } from '../charts/series';
import { baseMetric, curvesInfo, metricNames } from '../charts/series';
import { formatNumber, formatScore } from '../model/format';
import type { IStudyView } from '../model/protocol';
import type { Translate } from '../model/texts';
import { bestTrial } from '../model/trials';
import { make, makeButton, setText } from './dom';
import type { ISection } from './section';
import type { StudyStore } from './store';

const LEGEND = ['best', 'running', 'selected', 'compared', 'other', 'pruned', 'train'];

export interface ICurvesSection extends ISection {
  /** Mark the curves of these trials; the others are compared with the first. */
  select(trials: readonly number[]): void;
}

export function makeCurves(store: StudyStore): ICurvesSection {
  const { t } = store;
  const menu = make('select', { className: 'tm-select' });
  const log = make('input', { attributes: { type: 'checkbox' } });
  const reset = makeButton(t('panel.reset_zoom'), t('panel.reset_zoom_title'));
  const readout = make('span', { className: 'tm-readout' });
  const canvas = make('div', {
    className: 'tm-chart',
    attributes: { role: 'img', tabindex: '0', title: t('panel.zoom_title') }
  });
  const empty = make('p', { className: 'tm-empty', text: t('panel.no_curves') });
  const legend = makeLegend(t);
  const node = make(
    'div',
    { className: 'tm-curves', attributes: { role: 'group', 'aria-label': t('panel.curves') } },
    make(
      'div',
      { className: 'tm-row' },
      make('label', {}, make('span', { text: t('panel.metric') }), menu),
      make('label', {}, log, make('span', { text: t('panel.log') })),
      reset,
      readout
    ),
    make('div', { className: 'tm-chart-box' }, canvas, empty),
    legend.node
  );
  let info: ICurvesInfo | null = null;
  let selected: readonly number[] = [];
  let chosen: string | null = null;
  let shownView: IStudyView | null = null;
  const chart = new CurvesChart(canvas, t('panel.epoch'), {
    onHover(hover) {
      setText(readout, hover === null ? restingText(info, t) : hoverText(hover, t));
    },
    onZoom: showReset
  });

  // Its room is kept, so that the read-out beside it stays where it is.
  function showReset(zoomed: boolean): void {
    reset.style.visibility = zoomed ? 'visible' : 'hidden';
  }

  function redraw(): void {
    const { view } = store;
    shownView = view;
    const names = metricNames(view);
    fillMenu(menu, names);
    const metric =
      chosen !== null && names.includes(chosen) ? chosen : (names[0] ?? baseMetric(view.objective));
    menu.value = metric;
    info = curvesInfo(view, metric, selected, log.checked);
    empty.hidden = info.series.length > 0;
    legend.update(info);
    chart.draw(info);
    setText(readout, restingText(info, t));
    canvas.setAttribute('aria-label', pictureText(view, info, t));
  }

  showReset(false);
  menu.addEventListener('change', () => {
    chosen = menu.value;
    redraw();
  });
  log.addEventListener('change', redraw);
  reset.addEventListener('click', () => {
    chart.resetZoom();
    canvas.focus(); // the button is gone now
  });

  return {
    node,
    update() {
      if (store.view !== shownView) {
        redraw();
      }
    },
    select(trials) {
      selected = trials;
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
  const { drawnTrials: drawn, trials: all } = info;
  return [
    ...(drawn < all ? [t('panel.drawn', { drawn, all })] : []),
    ...(info.clipped ? [t('panel.clipped')] : []),
    ...(info.omitted ? [t('panel.omitted')] : [])
  ].join(' · ');
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
