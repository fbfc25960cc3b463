import { builtinModules } from 'node:module'
import { basename } from 'node:path'
import js from '@eslint/js'
import { configs as lit } from 'eslint-plugin-lit'
import tseslint from 'typescript-eslint'
import { OPEN_FILES, PACKAGE_DOORS, ROOMS } from './scripts/check/rooms.js'

// In flat config a later block that matches a file replaces the options of a rule. So each folder gets one block with everything
// in it, made by `block`, and no two of these blocks match the same file.

/** Rules of this house's own. */
const house = {
  rules: {
    'file-name': {
      meta: { type: 'problem', schema: [], messages: { name: '{{reason}}: {{name}}' } },
      create: (context) => ({
        Program(node) {
          const name = basename(context.filename)
          const complain = (reason) => context.report({ node, messageId: 'name', data: { reason, name } })
          if (!/^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(name)) complain('File names are kebab-case')
          if (/(^|-)(utils?|helpers?|managers?|common|misc)[-.]/.test(name)) complain('Name it after what lives there')
        },
      }),
    },
    'no-barrel': {
      meta: { type: 'problem', schema: [], messages: { barrel: 'No barrel files: src/index.ts is the one public entry.' } },
      create: (context) => {
        const passesOn = ({ type, source }) =>
          type === 'ExportAllDeclaration' || (type === 'ExportNamedDeclaration' && source != null)
        return {
          ExportAllDeclaration: (node) => context.report({ node, messageId: 'barrel' }),
          Program(node) {
            const own = node.body.filter(({ type }) => type !== 'ImportDeclaration')
            if (own.length > 0 && own.every(passesOn)) context.report({ node: own[0], messageId: 'barrel' })
          },
        }
      },
    },
  },
}

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')

/** @returns {{ regex: string, message: string }[]} patterns for imports that are wrong in `name`'s room */
function closedDoors(name, { may, packages, node }, folder) {
  const open = new Set([name, ...may])
  const shut = (top) =>
    Object.entries(ROOMS).filter(([room, { folder }]) => !open.has(room) && folder.startsWith('src/') === !top)
  const exceptions = (OPEN_FILES[name] ?? []).map((file) => `(?!.*${escape(file.replace(/^src\//, ''))}$)`).join('')
  const inside = shut(false).map(([room]) => room)
  const outside = [...shut(true).map(([room]) => room), 'scripts', 'test', 'dist']
  const patterns = [
    {
      regex: `^${exceptions}(\\.\\./)+(src/)?(${inside.join('|')})/`,
      message: `${name} may import ${[...open].join(', ')} only.`,
    },
    { regex: `^(\\.\\./)+(${outside.join('|')})/`, message: `${name} may import ${[...open].join(', ')} only.` },
    { regex: '^\\.{1,2}/.*(?<!\\.(ts|js|json))$', message: 'Write the file name with its extension.' },
  ]
  if (node !== true) {
    patterns.push({
      regex: `^(node:.*|(${builtinModules.map(escape).join('|')})(/.*)?)$`,
      message: "Node's API lives in src/cli and tests.",
    })
  }
  if (name !== 'run' && name !== 'cli')
    patterns.push({ regex: '^worker(-code)?:', message: 'Only src/run and src/cli start workers.' })
  if (packages !== undefined) {
    patterns.push({
      regex: `^(?!\\.|node:${packages.map((prefix) => `|${escape(prefix)}`).join('')})`,
      message: packages.length > 0 ? `${name} imports no packages but ${packages.join(', ')}.` : `${name} imports no packages.`,
    })
  } else {
    for (const [name, door] of Object.entries(PACKAGE_DOORS)) {
      if (folder === door || folder.startsWith(`${door}/`)) continue
      patterns.push({ regex: `^${escape(name)}(/|$)`, message: `${name} comes in by ${door} only.` })
    }
  }
  return patterns
}

const NODE_GLOBALS = [
  'process',
  'Buffer',
  'require',
  'module',
  '__dirname',
  '__filename',
  'global',
  'setImmediate',
  'clearImmediate',
]
const SHARED_MEMORY = ['SharedArrayBuffer', 'Atomics']
const WALL_CLOCK = ['Date', 'performance']
const UNPREDICTABLE = [
  ...WALL_CLOCK,
  ...['crypto', 'Intl', 'WeakRef', 'FinalizationRegistry'],
  ...['setTimeout', 'setInterval', 'queueMicrotask', 'requestAnimationFrame', 'requestIdleCallback'],
  ...['fetch', 'XMLHttpRequest', 'WebSocket', 'Worker', 'MessageChannel', 'BroadcastChannel', 'Promise'],
  ...['globalThis', 'self', 'window', 'document', 'navigator', 'console'],
]
// ECMA-262 lets every engine approximate these as it likes; the rest of Math is exact.
const APPROXIMATE = [
  ...['acos', 'acosh', 'asin', 'asinh', 'atan', 'atanh', 'atan2', 'cbrt', 'cos', 'cosh', 'exp', 'expm1', 'hypot'],
  ...['log', 'log10', 'log1p', 'log2', 'pow', 'sin', 'sinh', 'tan', 'tanh'],
]

const named = (names, message) => names.map((name) => ({ name, message }))

const SYNTAX = {
  everywhere: [
    { selector: 'TSEnumDeclaration', message: 'Use a union, or a const object.' },
    { selector: 'CatchClause > BlockStatement[body.length=0]', message: 'Do not swallow an error.' },
  ],
  library: [
    { selector: 'Program > ExpressionStatement', message: 'No side effects at import.' },
    { selector: 'ImportDeclaration[specifiers.length=0]', message: 'No imports for their side effects.' },
  ],
  deterministic: [
    { selector: ':function[async=true]', message: 'Nothing here is asynchronous.' },
    { selector: 'AwaitExpression', message: 'Nothing here is asynchronous.' },
    { selector: 'ForOfStatement[await=true]', message: 'Nothing here is asynchronous.' },
    { selector: 'ImportExpression', message: 'Nothing here is asynchronous.' },
    {
      selector: "BinaryExpression[operator='**']:not([left.type='Literal'][right.type='Literal'])",
      message: 'Engines approximate ** as they like: multiply.',
    },
  ],
  components: [
    {
      selector: 'TaggedTemplateExpression[tag.name=/^(html|svg)$/] TemplateElement[value.raw=/\\sstyle="/]',
      message: "A page's policy may block style attributes: use style=${styleMap({ … })}, or a class.",
    },
  ],
  tests: [
    {
      selector: 'MemberExpression[object.name=/^(test|it|describe|suite)$/][property.name=/^(skip|only|todo)$/]',
      message: 'No test is skipped, or alone.',
    },
    {
      selector: 'CallExpression[callee.name=/^(test|it|describe|suite)$/] Property[key.name=/^(skip|only|todo)$/]',
      message: 'No test is skipped, or alone.',
    },
  ],
}

/** Everything that depends on the folder, in one block. */
function block({ files, ignores = [], imports = [], globals, properties = [], syntax, rules = {} }) {
  return {
    files,
    ignores,
    rules: {
      'no-restricted-imports': ['error', { patterns: imports }],
      'no-restricted-globals': ['error', ...globals],
      'no-restricted-properties': ['error', ...properties],
      'no-restricted-syntax': ['error', ...SYNTAX.everywhere, ...syntax],
      ...rules,
    },
  }
}

/** The block of a room of the house. */
function room(name, { folder = ROOMS[name].folder, ignores, registers = false } = {}) {
  const { deterministic, node, folder: own } = ROOMS[name]
  const timeless = deterministic === true || name === 'trace' || name === 'scenario' || name === 'scenarios'
  return block({
    files: [`${folder}/**/*.ts`],
    ignores,
    imports: closedDoors(name, ROOMS[name], folder),
    globals: [
      ...(node === true
        ? []
        : [
            ...named(SHARED_MEMORY, 'A blog is not cross-origin isolated.'),
            ...named(NODE_GLOBALS, "Node's API lives in src/cli and tests."),
          ]),
      ...(deterministic === true ? named(UNPREDICTABLE, 'A run depends on scenario, seed and interventions alone.') : []),
      ...(timeless && deterministic !== true ? named(WALL_CLOCK, 'Time is simulated here.') : []),
    ],
    properties: [
      ...(timeless ? [{ object: 'Math', property: 'random', message: 'Draw from a seeded stream.' }] : []),
      ...(deterministic === true
        ? [
            ...APPROXIMATE.map((property) => ({ object: 'Math', property, message: 'Engines approximate this as they like.' })),
            ...['localeCompare', 'toLocaleString', 'toLocaleUpperCase', 'toLocaleLowerCase'].map((property) => ({
              property,
              message: 'Depends on where the reader lives.',
            })),
          ]
        : []),
    ],
    syntax: [
      ...(own.startsWith('src/') && !registers && name !== 'cli' ? SYNTAX.library : []),
      ...(deterministic === true ? SYNTAX.deterministic : []),
      ...(name === 'components' ? SYNTAX.components : []),
    ],
    rules: {
      'house/no-barrel': 'error',
      'no-console': node === true ? 'off' : ['error', { allow: ['warn', 'error', 'info'] }],
    },
  })
}

export default tseslint.config(
  { ignores: ['dist/**', 'coverage/**', '.cache/**'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        // In this order: a file is checked as the first of these sees it.
        project: ['tsconfig.core.json', 'tsconfig.page.json', 'tsconfig.node.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      eqeqeq: 'error',
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'], location: 'anywhere' }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // Lookups in arrays, tables and matches have the element's type here (noUncheckedIndexedAccess would cost an assertion on each
      // byte read), so this rule would call a check that is needed needless.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    files: ['**/*.ts', '**/*.js'],
    plugins: { house },
    rules: { 'house/file-name': 'error', 'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }] },
  },

  ...['wire', 'crypto', 'protocols', 'kernel', 'host', 'apps', 'trace', 'scenario', 'run', 'cli', 'workers', 'scenarios'].map(
    (name) => room(name, { ignores: name === 'scenarios' ? ['scenarios/site/**'] : [] }),
  ),
  room('components', { ignores: ['components/packet-stage/**', 'components/packet-chart/**'] }),
  room('components', { folder: 'components/packet-stage' }),
  room('components', { folder: 'components/packet-chart' }),
  block({
    files: ['src/*.ts'],
    imports: closedDoors('run', { may: ['wire', 'kernel', 'trace', 'scenario'] }, 'src'),
    globals: named([...NODE_GLOBALS, ...SHARED_MEMORY], 'Not in the library.'),
    syntax: [{ selector: 'Program > ExpressionStatement', message: 'No side effects at import.' }],
  }),
  block({ files: ['scripts/**/*.ts', 'scenarios/site/**/*.ts'], globals: [], syntax: [] }),
  block({ files: ['test/**/*.ts'], globals: [], syntax: SYNTAX.tests }),

  {
    files: ['components/**/*.ts'],
    extends: [lit['flat/recommended']],
    // Lit binds the listeners of a template to their element.
    rules: { '@typescript-eslint/unbound-method': 'off' },
  },
  {
    files: ['test/**/*.ts', 'scripts/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: ['test', 'it', 'describe', 'suite'], package: 'node:test' }] },
      ],
    },
  },
  { files: ['**/*.js'], languageOptions: { globals: { process: 'readonly', URL: 'readonly', console: 'readonly' } } },
)
