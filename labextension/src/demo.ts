/** The anywidget module of the widget to try a model out. */
import type { IDemoAnswer, ISetup } from './demo/messages';
import { makeDemo } from './demo/view';
import './demo.css';

/** What is used of anywidget's model. */
interface IModel {
  send(content: unknown): void;
  on(event: 'msg:custom', callback: (content: unknown) => void): void;
  off(event: 'msg:custom', callback: (content: unknown) => void): void;
}

// A kernel that is just starting, or that is busy without a subshell, can miss a hello.
const HELLO_MILLISECONDS = 1000;

function render({ model, el }: { model: IModel; el: HTMLElement }): () => void {
  const view = makeDemo(el, question => {
    model.send({ kind: 'ask', ...question });
  });
  const hello = (): void => {
    model.send({ kind: 'hello', lang: document.documentElement.lang });
  };
  const timer = setInterval(hello, HELLO_MILLISECONDS);
  const receive = (content: unknown): void => {
    clearInterval(timer);
    view.take(content as ISetup | IDemoAnswer);
  };
  model.on('msg:custom', receive);
  hello();
  return () => {
    clearInterval(timer);
    model.off('msg:custom', receive);
    view.dispose();
  };
}

export default { render };
