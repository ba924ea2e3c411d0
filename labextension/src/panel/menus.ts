/** A picture over two axes that the user chooses from menus. */
import type { IAxis } from '../model/protocol';
import type { Translate } from '../model/texts';
import { make } from './dom';
import type { Draw, IPainter, IPlace } from './pictures';

interface IPlane {
  readonly names: readonly string[];
  readonly x: IAxis | null;
  readonly y: IAxis | null;
}

export function makeMenus<T extends IPlane>(
  t: Translate,
  { stage, choose }: IPlace,
  draw: Draw<T>
): IPainter {
  const menus = (['x', 'y'] as const).map(key => {
    const menu = make('select', { className: 'tm-select' });
    return { menu, label: make('label', {}, make('span', { text: t(`plot.${key}`) }), menu) };
  });
  const [across, up] = menus.map(one => one.menu);
  for (const { menu } of menus) {
    // The other one gives way where both would be the same.
    menu.addEventListener('change', () => {
      const [x, y] = menus.map(one => one.menu.value);
      const other = menus.find(one => one.menu !== menu)?.menu;
      if (x === y && other !== undefined) {
        other.value = [...other.options].find(option => option.value !== menu.value)?.value ?? '';
      }
      choose({ x: across?.value ?? '', y: up?.value ?? '' });
    });
  }
  return {
    controls: menus.map(one => one.label),
    draw(info, paint) {
      const plane = info as T;
      for (const { menu, label } of menus) {
        const chosen = menu === across ? plane.x : plane.y;
        const focused = menu.matches(':focus');
        menu.replaceChildren(
          ...plane.names.map(name => make('option', { text: name, attributes: { value: name } }))
        );
        menu.value = chosen?.name ?? '';
        label.hidden = plane.names.length < 2;
        if (focused) {
          menu.focus();
        }
      }
      return draw(stage, plane, paint);
    }
  };
}
