/** Best-so-far curves of two studies as SVG paths: numbers only, no JupyterLab in here. */
import type { ILimits, IStudyColumn } from '../model/protocol';

/** A step curve: level until the next better trial. Empty for a study without a score. */
export function stepPath(
  { steps, last }: Pick<IStudyColumn, 'steps' | 'last'>,
  limits: ILimits,
  longest: number,
  width: number,
  height: number
): string {
  const x = (trial: number): string =>
    ((width * (trial - 1)) / Math.max(1, longest - 1)).toFixed(1);
  const y = (best: number): string => {
    const share = (best - limits.low) / (limits.high - limits.low);
    return (height * (1 - Math.min(1, Math.max(0, share)))).toFixed(1);
  };
  const [first, ...others] = steps;
  if (first === undefined) {
    return '';
  }
  const parts = [`M${x(first.trial)} ${y(first.best)}`];
  for (const step of others) {
    parts.push(`H${x(step.trial)}V${y(step.best)}`);
  }
  parts.push(`H${x(Math.max(last, first.trial))}`);
  return parts.join('');
}
