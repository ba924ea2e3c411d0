/** Two studies side by side: a table of what differs, and their best-so-far curves. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { formatClock, formatNumber, formatValue } from '../model/format';
import type { IStudyColumn, IStudyComparisonInfo } from '../model/protocol';
import { stateText } from './states';
import { stepPath } from './steps';

const WIDTH = 260;
const HEIGHT = 90;
const SVG = 'http://www.w3.org/2000/svg';

/** Draw the comparison into `host`, in place of what was there. */
export function drawComparison(
  host: HTMLElement,
  info: IStudyComparisonInfo,
  trans: TranslationBundle
): void {
  const parts: Node[] = [table(info, trans)];
  if (info.limits !== null) {
    parts.push(curves(info, trans));
  } else if (info.left.objective !== info.right.objective) {
    parts.push(note(trans.__('Their objectives differ, so their scores can not be compared.')));
  }
  if (info.same_values > 0) {
    parts.push(note(trans.__('Best values that are equal: %1', info.same_values)));
  }
  host.replaceChildren(...parts);
}

/** A line of text instead of a comparison. */
export function drawNote(host: HTMLElement, text: string): void {
  host.replaceChildren(note(text));
}

function note(text: string): HTMLElement {
  const line = document.createElement('p');
  line.className = 'tunemagic-SidePanel-hint';
  line.textContent = text;
  return line;
}

function table(info: IStudyComparisonInfo, trans: TranslationBundle): HTMLElement {
  const { left, right } = info;
  const both = (of: (column: IStudyColumn) => string): [string, string] => [of(left), of(right)];
  const rows: [string, [string, string]][] = [
    [trans.__('Best score'), both(column => formatNumber(column.best))],
    [trans.__('Objective'), both(column => column.objective)],
    [trans.__('Trials'), both(column => String(column.trials))],
    [trans.__('Time'), both(column => formatClock(column.seconds))],
    [trans.__('Strategy'), both(column => column.strategy)],
    [trans.__('State'), both(column => stateText(column.state, trans))],
    ...info.values.map((row): [string, [string, string]] => [
      row.name,
      [formatValue(row.left ?? undefined), formatValue(row.right ?? undefined)]
    ])
  ];
  const made = document.createElement('table');
  made.className = 'tunemagic-Compare-table';
  const head = made.createTHead().insertRow();
  head.append(cell('td', ''), heading(left, 'left', info), heading(right, 'right', info));
  const body = made.createTBody();
  for (const [name, values] of rows) {
    const row = body.insertRow();
    const label = cell('th', name);
    label.setAttribute('scope', 'row');
    row.append(label, ...values.map(value => cell('td', value)));
  }
  return made;
}

function heading(
  column: IStudyColumn,
  side: 'left' | 'right',
  info: IStudyComparisonInfo
): HTMLElement {
  const made = cell('th', `${info.better === side ? '★ ' : ''}${column.name}`);
  made.setAttribute('scope', 'col');
  made.dataset['side'] = side;
  return made;
}

function cell(tag: 'td' | 'th', text: string): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
}

function curves(info: IStudyComparisonInfo, trans: TranslationBundle): Element {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'tunemagic-Compare-curves');
  svg.setAttribute('viewBox', `-44 -8 ${WIDTH + 54} ${HEIGHT + 30}`);
  svg.setAttribute('role', 'img');
  svg.setAttribute(
    'aria-label',
    trans.__(
      'Best %1 so far over trials: %2 and %3',
      info.left.objective,
      info.left.name,
      info.right.name
    )
  );
  if (info.limits === null) {
    return svg;
  }
  const { limits } = info;
  const longest = Math.max(info.left.last, info.right.last, 2);
  const frame = document.createElementNS(SVG, 'path');
  frame.setAttribute('class', 'tunemagic-Compare-axis');
  frame.setAttribute('d', `M0 0V${HEIGHT}H${WIDTH}`);
  svg.append(frame);
  for (const side of ['left', 'right'] as const) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', stepPath(info[side], limits, longest, WIDTH, HEIGHT));
    path.dataset['side'] = side;
    svg.append(path);
  }
  svg.append(
    label(formatNumber(limits.high), -4, 6, 'end'),
    label(formatNumber(limits.low), -4, HEIGHT, 'end'),
    label('1', 0, HEIGHT + 14, 'middle'),
    label(String(longest), WIDTH, HEIGHT + 14, 'middle'),
    label(trans.__('trial'), WIDTH / 2, HEIGHT + 14, 'middle')
  );
  return svg;
}

function label(text: string, x: number, y: number, anchor: string): Element {
  const made = document.createElementNS(SVG, 'text');
  made.textContent = text;
  made.setAttribute('x', String(x));
  made.setAttribute('y', String(y));
  made.setAttribute('text-anchor', anchor);
  return made;
}
