/** The widget to try a model out: pick or draw a sample, Keras and TF Lite answer side by side. */
import { formatBytes, formatNumber } from '../model/format';
import type { Translate } from '../model/texts';
import { translator } from '../model/texts';
import { make, makeButton, setText } from '../panel/dom';
import { followTheme } from '../panel/theme';
import type { IAnswered, IDemoAnswer, IQuestion, IReply, ISetup, What } from './messages';
import { makeSample } from './sample';

export type Ask = (question: IQuestion & { readonly id: number; readonly mode: string }) => void;

export interface IDemoView {
  readonly node: HTMLElement;
  take(message: ISetup | IDemoAnswer): void;
  dispose(): void;
}

/** `ask` puts a question to the kernel. */
export function makeDemo(host: HTMLElement, ask: Ask): IDemoView {
  // Keys belong to what has the focus here: JupyterLab would move between cells.
  const node = make('div', {
    className: 'tm-demo',
    attributes: { role: 'group', 'aria-busy': 'true', 'data-lm-suppress-shortcuts': '' }
  });
  host.append(node);
  const unfollow = followTheme(node, () => undefined);
  let body: { take(answer: IDemoAnswer): void } | null = null;
  return {
    node,
    take(message) {
      if (message.kind === 'answer') {
        body?.take(message);
      } else if (body === null) {
        node.removeAttribute('aria-busy');
        body = build(node, message, translator(message.texts), ask);
      }
    },
    dispose() {
      unfollow();
      node.remove();
    }
  };
}

function build(
  node: HTMLElement,
  setup: ISetup,
  t: Translate,
  ask: Ask
): { take(answer: IDemoAnswer): void } {
  const { count, files, look } = setup;
  let row = 0;
  // Of several views of one model each knows its own answers.
  let id = Math.floor(Math.random() * 1e9);
  let awaited = 0;
  let waiting: IQuestion | null = null;
  let [latest, asked]: [IQuestion, What] = [{ what: 'row', row: 0, values: [] }, 'row'];

  const number = make('input', {
    attributes: { type: 'number', min: '0', max: String(count - 1), value: '0' }
  });
  const slider = make('input', {
    attributes: {
      type: 'range',
      min: '0',
      max: String(count - 1),
      value: '0',
      'aria-label': t('demo.sample')
    }
  });
  const menu = make(
    'select',
    {},
    ...files.map(({ mode, bytes }) =>
      make('option', {
        text: `${mode} · ${formatBytes(bytes)}`,
        attributes: { value: mode }
      })
    )
  );
  const said = make('p', { className: 'tm-demo-said', attributes: { role: 'status' } });
  const sample = makeSample(look, t, values => {
    put({ what: 'values', row, values });
  });
  const rows = setup.labels.map(label => makeAnswerRow(label));
  const [keras, file] = [makeHead(), makeHead()];
  const head = make(
    'tr',
    {},
    make('th', { text: t(setup.classes ? 'demo.class' : 'demo.output') }),
    keras,
    file
  );
  const nextButtons = setup.classes
    ? (['wrong', 'flip'] as const).map(what =>
        makeButton(t(`demo.next_${what}`), '', () => {
          put({ what, row, values: [] });
        })
      )
    : [];
  node.setAttribute('aria-label', t('demo.title'));
  node.replaceChildren(
    make(
      'div',
      { className: 'tm-demo-row' },
      make(
        'label',
        {},
        make('span', { text: t('demo.sample') }),
        number,
        make('span', { text: t('demo.of', { count: count - 1 }) })
      ),
      slider,
      ...nextButtons,
      make('label', {}, make('span', { text: t('demo.file') }), menu)
    ),
    said,
    make(
      'div',
      { className: 'tm-demo-body' },
      make('div', { className: 'tm-demo-side' }, sample.node),
      make(
        'div',
        { className: 'tm-demo-answers' },
        make('table', {}, make('thead', {}, head), make('tbody', {}, ...rows.map(one => one.node)))
      )
    )
  );
  for (const input of [number, slider]) {
    input.addEventListener('input', () => {
      const wanted = input.valueAsNumber;
      if (Number.isInteger(wanted) && wanted >= 0 && wanted < count) {
        put({ what: 'row', row: wanted, values: [] });
      }
    });
  }
  menu.addEventListener('change', () => {
    put(latest.what === 'values' ? latest : { what: 'row', row, values: [] });
  });

  /** One question at a time: of those that come meanwhile only the last one matters. */
  function put(question: IQuestion): void {
    if (awaited !== 0) {
      waiting = question;
      return;
    }
    id += 1;
    awaited = id;
    latest = question;
    asked = question.what;
    ask({ ...question, id, mode: menu.value });
  }

  function show(reply: IReply): void {
    if (reply.sample !== null) {
      row = reply.sample.row;
      number.value = slider.value = String(row);
      sample.show(reply.sample);
    }
    setText(keras, t('demo.keras', { time: formatNumber(reply.keras.microseconds) }));
    setText(file, t('demo.tflite', { time: formatNumber(reply.file.microseconds) }));
    const [left, right] = [sharesOf(reply.keras), sharesOf(reply.file)];
    rows.forEach((one, index) => {
      one.show(
        [reply.keras.outputs[index] ?? 0, left[index] ?? 0],
        [reply.file.outputs[index] ?? 0, right[index] ?? 0],
        setup.classes
      );
    });
    const truth = reply.truth === '' ? '' : `${t('demo.truth', { truth: reply.truth })} `;
    const verdict = setup.classes ? t(reply.same ? 'demo.same' : 'demo.differ') : '';
    said.dataset['same'] = String(reply.same);
    said.replaceChildren(
      `${truth}${t('demo.say', { keras: reply.keras.text, file: reply.file.text })} `,
      make('strong', { text: verdict })
    );
  }

  put(latest);
  return {
    take(answer) {
      if (answer.id !== awaited) {
        return;
      }
      awaited = 0;
      if (answer.reply !== null) {
        show(answer.reply);
      } else {
        setText(said, answer.error === '' ? t(`demo.no_${asked}`) : answer.error);
      }
      if (waiting !== null) {
        const next = waiting;
        waiting = null;
        put(next);
      }
    }
  };
}

/** The outputs as lengths of bars: shares of the largest, none for what is not above 0. */
function sharesOf({ outputs }: IAnswered): number[] {
  const largest = Math.max(1, ...outputs);
  return outputs.map(value => Math.max(0, value) / largest);
}

function makeHead(): HTMLTableCellElement {
  return make('th', { attributes: { scope: 'col' } });
}

function makeAnswerRow(label: string): {
  readonly node: HTMLElement;
  show(keras: readonly [number, number], file: readonly [number, number], isClass: boolean): void;
} {
  const bars = [0, 1].map(() => {
    const [bar, text] = [make('i'), make('span')];
    return {
      bar,
      text,
      cell: make('td', {}, make('span', { className: 'tm-demo-bar' }, bar, text))
    };
  });
  const node = make(
    'tr',
    {},
    make('th', { text: label, attributes: { scope: 'row' } }),
    ...bars.map(one => one.cell)
  );
  return {
    node,
    show(keras, file, isClass) {
      [keras, file].forEach(([value, share], index) => {
        const one = bars[index];
        if (one !== undefined) {
          one.cell.classList.toggle('tm-demo-top', isClass && share >= 0.5);
          one.bar.style.width = isClass ? `${Math.round(100 * share)}%` : '0';
          setText(one.text, formatNumber(Number(value.toPrecision(3))));
        }
      });
    }
  };
}
