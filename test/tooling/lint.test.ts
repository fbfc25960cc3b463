import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { describe, test } from 'node:test'
import { ESLint } from 'eslint'
import tseslint from 'typescript-eslint'

const root = resolve(import.meta.dirname, '../..')

// The rules of the house need no types, and these files do not exist.
// Where CI is set, the parser takes files as they are on the disk, once; here it is given other text for them.
process.env.TSESTREE_SINGLE_RUN = 'false'

const untyped = new ESLint({ cwd: root, overrideConfig: [{ files: ['**/*.ts'], ...tseslint.configs.disableTypeChecked }] })
const typed = new ESLint({ cwd: root })

async function complaints(eslint: ESLint, file: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: resolve(root, file) })
  return result.messages.map(({ ruleId, message }) => `${ruleId ?? 'parser'}: ${message}`)
}

/** Each of these, alone, must be refused by that rule. */
const REFUSED: readonly (readonly [title: string, file: string, rule: string, code: string])[] = [
  ['wire reads the wall clock', 'src/wire/x.ts', 'no-restricted-globals', 'export const now = () => Date.now()'],
  ['protocols measure time', 'src/protocols/tcp/x.ts', 'no-restricted-globals', 'export const now = () => performance.now()'],
  ['a host sets a timer', 'src/host/x.ts', 'no-restricted-globals', 'export const x = () => setTimeout(() => 1, 1)'],
  ['an app fetches', 'src/apps/x.ts', 'no-restricted-globals', "export const x = () => fetch('/')"],
  ['the kernel draws from crypto', 'src/kernel/x.ts', 'no-restricted-globals', 'export const x = () => crypto.randomUUID()'],
  [
    'the kernel asks through globalThis',
    'src/kernel/x.ts',
    'no-restricted-globals',
    'export const x = () => globalThis.Date.now()',
  ],
  ['the kernel makes a promise', 'src/kernel/x.ts', 'no-restricted-globals', 'export const x = () => Promise.resolve(1)'],
  ['a trace reads the wall clock', 'src/trace/x.ts', 'no-restricted-globals', 'export const x = () => new Date()'],
  ['an unseeded random number', 'src/kernel/x.ts', 'no-restricted-properties', 'export const x = () => Math.random()'],
  [
    '… taken out of Math first',
    'src/kernel/x.ts',
    'no-restricted-properties',
    'const { random } = Math\nexport const x = random',
  ],
  [
    'a number that engines approximate',
    'src/protocols/tcp/x.ts',
    'no-restricted-properties',
    'export const x = (n: number) => Math.cbrt(n)',
  ],
  [
    'a power that engines approximate',
    'src/protocols/tcp/x.ts',
    'no-restricted-syntax',
    'export const x = (n: number) => n ** 0.3',
  ],
  [
    'an order that depends on the locale',
    'src/host/x.ts',
    'no-restricted-properties',
    "export const x = (a: string) => a.localeCompare('b')",
  ],
  ['an async function in apps', 'src/apps/x.ts', 'no-restricted-syntax', 'export async function x() { return await 1 }'],
  ['an async arrow in the kernel', 'src/kernel/x.ts', 'no-restricted-syntax', 'export const x = async () => 1'],
  ['an import in mid-run', 'src/protocols/tcp/x.ts', 'no-restricted-syntax', "export const x = () => import('./y.ts')"],
  ['shared memory on the page', 'components/x.ts', 'no-restricted-globals', 'export const x = () => new SharedArrayBuffer(8)'],

  [
    'wire imports the kernel',
    'src/wire/x.ts',
    'no-restricted-imports',
    "import { NEVER } from '../kernel/time.ts'\nexport const x = NEVER",
  ],
  [
    'wire imports a type of a protocol',
    'src/wire/x.ts',
    'no-restricted-imports',
    "import type { A } from '../protocols/a.ts'\nexport type B = A",
  ],
  [
    'protocols import the host',
    'src/protocols/tcp/x.ts',
    'no-restricted-imports',
    "import { a } from '../../host/a.ts'\nexport const x = a",
  ],
  [
    '… and pass it on',
    'src/protocols/tcp/x.ts',
    'no-restricted-imports',
    "export { a } from '../../host/a.ts'\nexport const x = 1",
  ],
  [
    'protocols import the trace',
    'src/protocols/tcp/x.ts',
    'no-restricted-imports',
    "import { a } from '../../trace/a.ts'\nexport const x = a",
  ],
  [
    'the kernel knows a protocol',
    'src/kernel/x.ts',
    'no-restricted-imports',
    "import { a } from '../protocols/tcp/a.ts'\nexport const x = a",
  ],
  ['the kernel knows an app', 'src/kernel/x.ts', 'no-restricted-imports', "import { a } from '../apps/a.ts'\nexport const x = a"],
  [
    'a component reaches into the host',
    'components/x.ts',
    'no-restricted-imports',
    "import { a } from '../src/host/a.ts'\nexport const x = a",
  ],
  [
    'a component reaches into the kernel',
    'components/x.ts',
    'no-restricted-imports',
    "import type { A } from '../src/kernel/a.ts'\nexport type B = A",
  ],
  [
    'the stage reaches into a worker',
    'components/packet-stage/x.ts',
    'no-restricted-imports',
    "import { a } from '../../workers/a.ts'\nexport const x = a",
  ],
  [
    'a scenario reaches into the run',
    'scenarios/demo/x.ts',
    'no-restricted-imports',
    "import { a } from '../../src/run/a.ts'\nexport const x = a",
  ],
  [
    'the library imports a test',
    'src/run/x.ts',
    'no-restricted-imports',
    "import { a } from '../../test/a.ts'\nexport const x = a",
  ],
  [
    'Pixi outside of the stage',
    'components/x.ts',
    'no-restricted-imports',
    "import { Application } from 'pixi.js'\nexport const x = Application",
  ],
  [
    'Pixi in the run',
    'src/run/x.ts',
    'no-restricted-imports',
    "import { Application } from 'pixi.js'\nexport const x = Application",
  ],
  ['Lit in the library', 'src/trace/x.ts', 'no-restricted-imports', "import { html } from 'lit'\nexport const x = html"],
  [
    'a package in a protocol',
    'src/protocols/tcp/x.ts',
    'no-restricted-imports',
    "import { sha256 } from '@noble/hashes/sha2.js'\nexport const x = sha256",
  ],
  [
    'a worker started by a component',
    'components/x.ts',
    'no-restricted-imports',
    "import { url } from 'worker:../workers/host-worker.ts'\nexport const x = url",
  ],
  [
    "Node's API in the run",
    'src/run/x.ts',
    'no-restricted-imports',
    "import { readFileSync } from 'node:fs'\nexport const x = readFileSync",
  ],
  [
    '… without its prefix',
    'src/scenario/x.ts',
    'no-restricted-imports',
    "import { readFileSync } from 'fs'\nexport const x = readFileSync",
  ],
  ["Node's globals in the run", 'src/run/x.ts', 'no-restricted-globals', 'export const x = () => process.argv'],
  ["Node's globals on the page", 'components/x.ts', 'no-restricted-globals', "export const x = () => Buffer.from('')"],
  ['an import without its extension', 'src/wire/x.ts', 'no-restricted-imports', "import { a } from './a'\nexport const x = a"],

  ['a barrel', 'src/wire/x.ts', 'house/no-barrel', "export { a } from './a.ts'\nexport { b } from './b.ts'"],
  ['everything passed on', 'src/wire/x.ts', 'house/no-barrel', "export * from './a.ts'\nexport const x = 1"],
  [
    'something done at import',
    'src/scenario/x.ts',
    'no-restricted-syntax',
    'export const x = new Map<string, number>()\nx.set("a", 1)',
  ],
  ['an import for its effect', 'src/run/x.ts', 'no-restricted-syntax', "import './y.ts'\nexport const x = 1"],
  [
    'a file of 501 lines',
    'src/wire/x.ts',
    'max-lines',
    Array.from({ length: 501 }, (_, i) => `export const x${i} = ${i}`).join('\n'),
  ],
  [
    'a file of 501 lines of test',
    'test/wire/x.test.ts',
    'max-lines',
    Array.from({ length: 501 }, (_, i) => `export const x${i} = ${i}`).join('\n'),
  ],
  ['a file called helpers', 'src/run/page-helpers.ts', 'house/file-name', 'export const x = 1'],
  ['a file in camel case', 'src/run/pageClock.ts', 'house/file-name', 'export const x = 1'],
  ['an enum', 'src/wire/x.ts', 'no-restricted-syntax', 'export enum X { A }'],
  [
    'an error swallowed',
    'src/run/x.ts',
    'no-restricted-syntax',
    'export function x(f: () => void) { try { f() } catch { /* so what */ } }',
  ],
  ['something left for later', 'src/run/x.ts', 'no-warning-comments', '// \u0054ODO: the rest\nexport const x = 1'],
  ['a test skipped', 'test/wire/x.test.ts', 'no-restricted-syntax', "import { test } from 'node:test'\ntest.skip('a', () => 1)"],
  [
    'a test skipped by an option',
    'test/wire/x.test.ts',
    'no-restricted-syntax',
    "import { test } from 'node:test'\ntest('a', { skip: true }, () => 1)",
  ],
  [
    'a style attribute, which a strict policy blocks',
    'components/x.ts',
    'no-restricted-syntax',
    'import { svg } from \'lit\'\nexport const x = (n: number) => svg`<g style="top:${n}px"></g>`',
  ],
  [
    'a template that Lit cannot bind',
    'components/x.ts',
    'lit/binding-positions',
    "import { html } from 'lit'\nexport const x = (tag: string) => html`<${tag}></${tag}>`",
  ],
]

/** And these must pass, or the rules above would prove nothing. */
const ALLOWED: readonly (readonly [title: string, file: string, code: string])[] = [
  ['wire imports wire', 'src/wire/x.ts', "import { a } from './a.ts'\nexport const x = a + Math.imul(2, 3) + 2 ** 36"],
  [
    'a protocol imports wire and crypto',
    'src/protocols/tls/x.ts',
    "import { a } from '../../wire/a.ts'\nimport { b } from '../../crypto/b.ts'\nexport const x = [a, b]",
  ],
  ['crypto imports @noble', 'src/crypto/x.ts', "import { sha256 } from '@noble/hashes/sha2.js'\nexport const x = sha256"],
  [
    'the run starts a worker and reads the clock',
    'src/run/x.ts',
    "import { url } from 'worker:../../workers/host-worker.ts'\nexport const x = () => [url, performance.now()]",
  ],
  [
    'the trace passes on a type beside its own code',
    'src/trace/x.ts',
    "export type { Nanos } from '../kernel/time.ts'\nexport const x = 1",
  ],
  [
    'a component sees run, trace, scenario and the shape of a layer',
    'components/x.ts',
    "import type { Run } from '../src/run/run.ts'\nimport type { Layer } from '../src/wire/field.ts'\nexport type X = Run | Layer",
  ],
  [
    'the stage draws with Pixi',
    'components/packet-stage/x.ts',
    "import 'pixi.js/unsafe-eval'\nimport { Application } from 'pixi.js'\nexport const x = Application",
  ],
  [
    'a component styles through the object model',
    'components/x.ts',
    "import { html } from 'lit'\nimport { styleMap } from 'lit/directives/style-map.js'\nexport const x = (top: string) => html`<p style=${styleMap({ top })}></p>`",
  ],
  [
    'the command line reads a file',
    'src/cli/x.ts',
    "import { readFileSync } from 'node:fs'\nexport const x = () => readFileSync(process.argv[2])",
  ],
  [
    'a file of 500 lines and comments',
    'src/wire/x.ts',
    Array.from({ length: 500 }, (_, i) => `// why\n\nexport const x${i} = ${i}`).join('\n'),
  ],
  ['the public entry', 'src/index.ts', "export { a } from './run/a.ts'\nexport type { B } from './trace/b.ts'"],
]

describe('ESLint refuses', () => {
  for (const [title, file, rule, code] of REFUSED) {
    test(`${title} (${file})`, async () => {
      const messages = await complaints(untyped, file, code)
      assert.ok(
        messages.some((message) => message.startsWith(`${rule}: `)),
        `expected ${rule}, got ${JSON.stringify(messages)}`,
      )
    })
  }
})

describe('ESLint allows', () => {
  for (const [title, file, code] of ALLOWED) {
    test(`${title} (${file})`, async () => {
      assert.deepEqual(await complaints(untyped, file, code), [])
    })
  }
})

test('the typed rules see types in each of the three projects', async () => {
  const unsafe = 'export function parse(text: string): number {\n  const value = JSON.parse(text)\n  return value.x\n}\n'
  for (const file of ['src/wire/errors.ts', 'src/run/run.ts', 'test/tooling/lint.test.ts']) {
    const messages = await complaints(typed, file, unsafe)
    assert.ok(
      messages.some((message) => message.startsWith('@typescript-eslint/no-unsafe-member-access: ')),
      `${file}: ${JSON.stringify(messages)}`,
    )
  }
})
