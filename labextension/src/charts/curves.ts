/** Paints learning curves on a canvas with uPlot. Decides nothing: see series.ts. */
import uPlot from 'uplot';
import { formatNumber } from '../model/format';
import type { ICurvesInfo, ISeries, Role } from './series';

/** What the pointer is nearest to, or null. `epoch` counts from 1. */
export interface IHover {
  readonly series: ISeries;
  readonly epoch: number;
  readonly value: number;
}

const WIDTHS: Readonly<Record<Role, number>> = {
  best: 2.5,
  running: 2,
  selected: 3,
  other: 1,
  pruned: 1
};
// Of a trial's several runs the first stands for it.
const LATER_RUN_WIDTH = 1.2;
const DASH = [5, 4];
const REACH_PIXELS = 24;
const EPOCH_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];

/** A chart inside `host`, whose size it follows and whose CSS colours it takes. */
export class CurvesChart {
  private plot: uPlot | null = null;
  private info: ICurvesInfo | null = null;
  private layout = '';
  private size = { width: 300, height: 200 };
  private readonly observer: ResizeObserver;

  constructor(
    private readonly host: HTMLElement,
    private readonly epochLabel: string,
    private readonly onHover: (hover: IHover | null) => void
  ) {
    this.observer = new ResizeObserver(() => {
      this.fit();
    });
    this.observer.observe(host);
  }

  /** Paint these curves. The plot is kept while only its numbers have changed. */
  draw(info: ICurvesInfo): void {
    this.info = info;
    this.fit();
    const layout = JSON.stringify(
      info.series.map(s => [s.trial, s.run, s.metric, s.role, isLone(s)])
    );
    if (this.plot === null || layout !== this.layout) {
      this.layout = layout;
      this.rebuild(info);
    } else {
      this.plot.setData(dataOf(info));
    }
  }

  /** Take the colours anew: the theme has changed. */
  recolour(): void {
    if (this.info !== null) {
      this.rebuild(this.info);
    }
  }

  dispose(): void {
    this.observer.disconnect();
    this.plot?.destroy();
    this.plot = null;
  }

  /** Take the host's size; a hidden host keeps the size it had. */
  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (width < 1 || height < 1) {
      return;
    }
    this.size = { width, height };
    if (this.plot !== null && (this.plot.width !== width || this.plot.height !== height)) {
      this.plot.setSize(this.size);
    }
  }

  private rebuild(info: ICurvesInfo): void {
    this.plot?.destroy();
    this.onHover(null);
    this.plot = new uPlot(this.options(info), dataOf(info), this.host);
  }

  private options(info: ICurvesInfo): uPlot.Options {
    const style = getComputedStyle(this.host);
    const colour = (name: string): string => style.getPropertyValue(`--tm-${name}`).trim();
    const font = `11px ${style.fontFamily}`;
    const axis = {
      font,
      stroke: colour('muted'),
      grid: { stroke: colour('grid'), width: 1 },
      ticks: { stroke: colour('grid'), width: 1, size: 4 }
    };
    return {
      ...this.size,
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: {
        drag: { x: false, y: false },
        focus: { prox: REACH_PIXELS },
        points: { size: 6 }
      },
      focus: { alpha: 0.35 },
      scales: {
        x: { time: false, range: () => [1, this.info?.epochs ?? 2] },
        y: { range: () => [this.info?.low ?? 0, this.info?.high ?? 1] }
      },
      axes: [
        {
          ...axis,
          size: 24,
          incrs: EPOCH_STEPS,
          label: this.epochLabel,
          labelFont: font,
          labelGap: 0,
          labelSize: 16
        },
        {
          ...axis,
          values: (_, splits) => splits.map(formatNumber),
          // uPlot asks before it has labels.
          size: (_: uPlot, texts: string[] | null) =>
            18 + 6.5 * Math.max(2, ...(texts ?? []).map(text => text.length))
        }
      ],
      series: [
        {},
        ...info.series.map((one): uPlot.Series => {
          return {
            stroke: colour(one.role),
            width: one.run === 1 ? WIDTHS[one.role] : LATER_RUN_WIDTH,
            ...(one.dashed ? { dash: DASH } : {}),
            points: { size: 5, fill: colour(one.role), ...pointsOf(one) }
          };
        })
      ],
      hooks: {
        setCursor: [
          plot => {
            this.onHover(this.hoverAt(plot));
          }
        ]
      }
    };
  }

  private hoverAt(plot: uPlot): IHover | null {
    const index = plot.cursor.idx;
    const nearest = plot.series.findIndex(
      // uPlot marks the focused series in a field that its types leave out.
      (one, position) => position > 0 && (one as { _focus?: boolean })._focus === true
    );
    const series = this.info?.series[nearest - 1];
    const value = typeof index === 'number' ? series?.values[index] : undefined;
    if (
      typeof index !== 'number' ||
      series === undefined ||
      value === null ||
      value === undefined
    ) {
      return null;
    }
    return { series, epoch: index + 1, value };
  }
}

/** A dot for a lone value, and where a pruned trial was cut off. */
function pointsOf(series: ISeries): uPlot.Series.Points {
  if (series.role !== 'pruned') {
    return { show: isLone(series) };
  }
  const last = series.values.reduce<number>(
    (found, value, index) => (value === null ? found : index),
    0
  );
  return { show: true, filter: () => [last] };
}

/** A single value makes no line: it is shown as a point. */
function isLone(series: ISeries): boolean {
  return series.values.filter(value => value !== null).length < 2;
}

/** uPlot wants one shared axis; a curve that ends early is filled up with null. */
function dataOf(info: ICurvesInfo): uPlot.AlignedData {
  const epochs = Array.from({ length: info.epochs }, (_, index) => index + 1);
  return [epochs, ...info.series.map(one => epochs.map((_, index) => one.values[index] ?? null))];
}
