/** Curves that a large study's snapshot left out, taken from the answer about their trial. */
import type { IAnswer, IStudyView, ITrialRecord } from './protocol';
import { runsCurves } from './trials';

/** The view with the curves of the trial that the answer is about, where they were missing. */
export function withCurves(view: IStudyView, answer: IAnswer): IStudyView {
  const number = Number(answer.options['trial']);
  const trial = view.trials[number - 1];
  const curves = answer.info?.['curves'];
  if (answer.topic !== 'trial' || trial === undefined || !Array.isArray(curves)) {
    return view;
  }
  if (trial.state === 'running' || !isHollow(trial)) {
    return view;
  }
  const [first = {}, ...more_curves] = curves as readonly ITrialRecord['curves'][];
  const trials = [...view.trials];
  trials[number - 1] = { ...trial, curves: first, more_curves };
  return { ...view, trials };
}

/** Whether there is nothing but the length of its curves. */
function isHollow(trial: ITrialRecord): boolean {
  const curves = runsCurves(trial).flatMap(run => Object.values(run));
  return curves.length > 0 && curves.every(curve => curve.every(value => value === null));
}
