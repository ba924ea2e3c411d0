import eslint from '@eslint/js';
import jupyter from '@jupyter/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const HTML_SINKS = [
  'innerHTML',
  'outerHTML',
  'insertAdjacentHTML',
  'srcdoc',
  'createContextualFragment'
];

export default tseslint.config(
  { ignores: ['lib', 'build', 'node_modules', '.yarn'] },
  eslint.configs.recommended,
  ...jupyter.configs.recommended.map(config => ({
    ...config,
    plugins: { jupyter, ...config.plugins }
  })),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname }
    },
    rules: {
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'interface', format: ['PascalCase'], custom: { regex: '^I[A-Z]', match: true } }
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/unbound-method': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-eval': 'error',
      // Names, values and error texts come from trials: they are shown with textContent only.
      'no-restricted-properties': [
        'error',
        ...HTML_SINKS.map(property => ({
          property,
          message: 'Use textContent: the text may be hostile.'
        })),
        { object: 'document', property: 'write', message: 'Build nodes instead.' },
        {
          object: 'document',
          property: 'getElementById',
          message: 'Two panels may be on one page.'
        }
      ]
    }
  },
  // node:test waits for its tests by itself.
  { files: ['tests/*.ts'], rules: { '@typescript-eslint/no-floating-promises': 'off' } },
  {
    files: ['scripts/*.mjs', '*.mjs'],
    languageOptions: { globals: { console: 'readonly', process: 'readonly', URL: 'readonly' } }
  },
  prettier
);
