import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { factTranslator } from '../src/model/facts';
import { translator } from '../src/model/texts';

declare const GOLDEN_FOLDER: string;

function texts(language: string): Record<string, string> {
  return JSON.parse(
    readFileSync(`${GOLDEN_FOLDER}../../tunemagic/i18n/${language}.json`, 'utf8')
  ) as Record<string, string>;
}

/** The facts as the kernel sends them to a panel in this language. */
function sent(language: string): Record<string, string> {
  const english = Object.entries(texts('en')).filter(([id]) => id.startsWith('fact.'));
  return {
    ...texts(language),
    ...Object.fromEntries(english.map(([id, text]) => [`english.${id}`, text]))
  };
}

const said = factTranslator(sent('zh_CN'), translator(texts('zh_CN')));

test('sentences of a journal are said in the language of the panel', () => {
  const sentences = [
    'your default values',
    'below the median at epoch 4: 0.81 < 0.88',
    'Hyperband bracket 2, rung 1: goes on from trial 4',
    'not among the best third of 9 trials at epoch 3: 0.9 > 0.5',
    'trial 3: its worker was killed; the memory may have run out (SIGKILL); it is tried once more',
    'x_train (8, 2) float32, y_train (8,) int64; validation: 2 samples, shuffled and stratified',
    'not verified: outputs differ by up to 0.9 (limit 1e-08: weights keep 8 bits); ' +
      "the error is 1.2e+03 of the outputs' variance (limit 0.25); try --quant none",
    'int8: converter crashed (SIGSEGV)'
  ];
  assert.deepEqual(sentences.map(said), [
    '你的默认值',
    '在第 4 轮低于中位数：0.81 < 0.88',
    'Hyperband 第 2 组第 1 级：接着试验 4 训练',
    '在第 3 轮不属于 9 个试验中最好的三分之一：0.9 > 0.5',
    '试验 3：它的工作进程被终止，可能内存耗尽（SIGKILL）；将再试一次',
    'x_train (8, 2) float32, y_train (8,) int64; 验证集：2 个样本，已打乱并分层',
    '未验证：输出相差最多 0.9（限值 1e-08：权重保留 8 位）; ' +
      '误差占输出方差的 1.2e+03（限值 0.25）; 请试 --quant none',
    'int8: 转换器崩溃（SIGSEGV）'
  ]);
});

test('what is no fact stays as it is', () => {
  const sentences = [
    '',
    'ValueError: units must be positive; <b>',
    'RuntimeError: crashed',
    'ValueError: expected images',
    'TPEs',
    '{fact}',
    '; '.repeat(400),
    'a\nb'
  ];
  assert.deepEqual(sentences.map(said), sentences);
});

test('a placeholder that stands twice holds the same both times', () => {
  const twice = {
    'fact.twice': '{name} 再来 {name}',
    'english.fact.twice': 'run {name}; then {name} again'
  };
  const saidTwice = factTranslator(twice, translator(twice));
  assert.deepEqual(['run a; then a again', 'run a; then b again'].map(saidTwice), [
    'a 再来 a',
    'run a; then b again'
  ]);
});

test('every template is found by its own text', () => {
  const english = translator(texts('en'));
  const unknown = Object.keys(texts('en')).filter(id => {
    const values = {
      trial: 3,
      count: 4,
      of: 5,
      epoch: 2,
      fact: 'drawn at random',
      fact2: 'random',
      line: 7,
      label: 'int8'
    };
    const sentence = id.startsWith('fact.') ? english(id, values).replace(/\{\w+\}/g, '6') : '';
    return (
      sentence !== '' &&
      said(sentence) === sentence &&
      sentence !== translator(texts('zh_CN'))(id, values)
    );
  });
  assert.deepEqual(unknown, []);
});

test('an English panel is told facts as they are', () => {
  const english = factTranslator(texts('en'), translator(texts('en')));
  assert.equal(english('your default values'), 'your default values');
});
