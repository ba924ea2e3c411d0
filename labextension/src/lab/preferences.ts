/** The extension's settings as plain values: no JupyterLab in here. */

/** What `schema/plugin.json` describes; all are off unless the user turns them on. */
export interface IPreferences {
  readonly openOnStart: boolean;
  readonly notifyWhenDone: boolean;
  readonly notifyWhenBetter: boolean;
}

export const DEFAULTS: IPreferences = {
  openOnStart: false,
  notifyWhenDone: false,
  notifyWhenBetter: false
};

/** The preferences in a settings object; a value of another type counts as not given. */
export function readPreferences(composite: Readonly<Record<string, unknown>>): IPreferences {
  const flag = (name: keyof IPreferences): boolean => {
    const value = composite[name];
    return typeof value === 'boolean' ? value : DEFAULTS[name];
  };
  return {
    openOnStart: flag('openOnStart'),
    notifyWhenDone: flag('notifyWhenDone'),
    notifyWhenBetter: flag('notifyWhenBetter')
  };
}
