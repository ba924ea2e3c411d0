/** The anywidget module: one data store per model, drawn by any number of views. */
import type { PanelMessage } from './model/protocol';
import { mountPanel } from './panel/panel';
import { StudyStore } from './panel/store';
import type { Outgoing } from './panel/store';
import './panel.css';
import './charts.css';

/** What is used of anywidget's model. */
interface IModel {
  get(name: string): unknown;
  send(content: Outgoing): void;
  on(event: 'msg:custom', callback: (content: unknown, buffers: DataView[]) => void): void;
  off(event: 'msg:custom', callback: (content: unknown, buffers: DataView[]) => void): void;
}

// anywidget hands another proxy of the same model to each call, so stores are kept by the
// channel that the model names.
const stores = new Map<string, StudyStore>();

function channelOf(model: IModel): string {
  return String(model.get('channel_id'));
}

function initialize({ model }: { model: IModel }): () => void {
  const channel = channelOf(model);
  const store = new StudyStore(message => {
    model.send(message);
  });
  const receive = (content: unknown, buffers: DataView[]): void => {
    store.receive(content as PanelMessage, buffers);
  };
  model.on('msg:custom', receive);
  stores.set(channel, store);
  return () => {
    model.off('msg:custom', receive);
    store.dispose();
    stores.delete(channel);
  };
}

function render({ model, el }: { model: IModel; el: HTMLElement }): () => void {
  const store = stores.get(channelOf(model));
  if (store === undefined) {
    throw new Error('expected initialize to have run before render.');
  }
  const unmount = mountPanel(el, store, model.get('layout_kind') === 'compact');
  const fallSilent = store.hello(document.documentElement.lang);
  return () => {
    fallSilent();
    unmount();
  };
}

export default { initialize, render };
