/** Values of hyperparameters: which are active, allowed, and how their ranges read. */
import { formatNumber, valueText } from './format';
import type { IParameter } from './protocol';

export type Value = number | string | boolean;
export type Values = Readonly<Record<string, Value>>;

/** Whether a parameter has a range, and not a list of choices. */
export function isRange(parameter: IParameter): boolean {
  return parameter.kind === 'int' || parameter.kind === 'float';
}

/** Whether every condition on other parameters holds for these values. */
export function isActive(parameter: IParameter, values: Values): boolean {
  return parameter.conditions.every(
    ({ parent, values: wanted }) =>
      Object.hasOwn(values, parent) && wanted.includes(values[parent] ?? NaN)
  );
}

/** The value that a text says, or null when the parameter can't take it; steps are not checked. */
export function valueIn(parameter: IParameter, text: string): Value | null {
  if (!isRange(parameter)) {
    return parameter.choices.find(choice => valueText(choice) === text) ?? null;
  }
  const value = text.trim() === '' ? NaN : Number(text);
  const { low, high } = parameter;
  const whole = parameter.kind === 'float' || Number.isInteger(value);
  const inside = value >= (low ?? -Infinity) && value <= (high ?? Infinity);
  return whole && inside ? value : null;
}

/** The range in a few characters: 32 … 256 step 32, 0.0001 … 0.1 log, relu | tanh. */
export function rangeText(parameter: IParameter): string {
  if (!isRange(parameter)) {
    return parameter.choices.map(valueText).join(' | ');
  }
  const { low, high, step, sampling } = parameter;
  return [
    `${formatNumber(low)} … ${formatNumber(high)}`,
    ...(step === null ? [] : [`step ${formatNumber(step)}`]),
    ...(sampling === 'linear' ? [] : [sampling.replace('_', ' ')])
  ].join(' ');
}
