import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, test } from 'node:test'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import config from '../../.dependency-cruiser.js'

/** The rules that a small house of these files breaks. */
async function broken(files: Readonly<Record<string, string>>): Promise<string[]> {
  const house = await mkdtemp(join(tmpdir(), 'house-'))
  try {
    for (const [name, code] of Object.entries(files)) {
      await mkdir(dirname(join(house, name)), { recursive: true })
      await writeFile(join(house, name), code)
    }
    const { forbidden, options } = config
    const { tsConfig: _, ...rest } = options ?? {}
    const { output } = await cruise([...new Set(Object.keys(files).map((name) => name.split('/')[0]))], {
      ...rest,
      validate: true,
      ruleSet: { ...(forbidden && { forbidden }) },
      baseDir: house,
    })
    return [...new Set((output as ICruiseResult).summary.violations.map(({ rule }) => rule.name))].sort()
  } finally {
    await rm(house, { recursive: true })
  }
}

const leaf = 'export const leaf = 1\n'
const uses = (path: string) => `import { leaf } from '${path}'\nexport const twig = leaf\n`

describe('dependency-cruiser refuses', () => {
  const refused: readonly (readonly [title: string, rule: string, files: Record<string, string>])[] = [
    [
      'a cycle',
      'no-cycles',
      { 'src/wire/a.ts': `${uses('./b.ts')}export const leaf = 1`, 'src/wire/b.ts': `${uses('./a.ts')}export const leaf = 1` },
    ],
    [
      'a cycle of types',
      'no-cycles',
      {
        'src/wire/a.ts': "import type { B } from './b.ts'\nexport type A = B | 1",
        'src/wire/b.ts': "import type { A } from './a.ts'\nexport interface B { a: A }",
      },
    ],
    ['a file that is not there', 'no-missing-files', { 'src/wire/a.ts': uses('./nowhere.ts') }],
    ['wire → kernel', 'doors-of-wire', { 'src/wire/a.ts': uses('../kernel/b.ts'), 'src/kernel/b.ts': leaf }],
    ['protocols → host', 'doors-of-protocols', { 'src/protocols/tcp/a.ts': uses('../../host/b.ts'), 'src/host/b.ts': leaf }],
    [
      'protocols → kernel',
      'doors-of-protocols',
      { 'src/protocols/tcp/a.ts': uses('../../kernel/b.ts'), 'src/kernel/b.ts': leaf },
    ],
    [
      'protocols → host, at run time',
      'doors-of-protocols',
      { 'src/protocols/tcp/a.ts': "export const x = () => import('../../host/b.ts')", 'src/host/b.ts': leaf },
    ],
    [
      'kernel → protocols',
      'doors-of-kernel',
      { 'src/kernel/a.ts': uses('../protocols/tcp/b.ts'), 'src/protocols/tcp/b.ts': leaf },
    ],
    ['components → kernel', 'doors-of-components', { 'components/a.ts': uses('../src/kernel/b.ts'), 'src/kernel/b.ts': leaf }],
    ['components → workers', 'doors-of-components', { 'components/a.ts': uses('../workers/b.ts'), 'workers/b.ts': leaf }],
    ['http1 → tcp', 'protocols-stand-alone', { 'src/protocols/http1/a.ts': uses('../tcp/b.ts'), 'src/protocols/tcp/b.ts': leaf }],
    [
      'tls → quic, the wrong way round',
      'siblings-of-tls',
      { 'src/protocols/tls/a.ts': uses('../quic/b.ts'), 'src/protocols/quic/b.ts': leaf },
    ],
    ['quic → http1', 'siblings-of-quic', { 'src/protocols/quic/a.ts': uses('../http1/b.ts'), 'src/protocols/http1/b.ts': leaf }],
    [
      'http3 → tls, past quic',
      'siblings-of-http3',
      { 'src/protocols/http3/a.ts': uses('../tls/b.ts'), 'src/protocols/tls/b.ts': leaf },
    ],
    [
      "Node's API in the run",
      'node-in-cli-and-tests',
      { 'src/run/a.ts': "import { readFileSync } from 'node:fs'\nexport const x = readFileSync" },
    ],
    [
      'Pixi outside of the stage',
      'door-of-pixi.js',
      {
        'components/a.ts': "import { Application } from 'pixi.js'\nexport const x = Application",
        'node_modules/pixi.js/index.js': leaf,
      },
    ],
  ]
  for (const [title, rule, files] of refused) {
    test(title, async () => {
      const rules = await broken(files)
      assert.ok(rules.includes(rule), `expected ${rule}, got ${rules.join(', ')}`)
    })
  }
})

test('dependency-cruiser allows the declared siblings, and what stands beside the protocols', async () => {
  assert.deepEqual(
    await broken({
      'src/wire/frame.ts': leaf,
      'src/protocols/endpoint.ts': leaf,
      'src/protocols/tls/a.ts': uses('../endpoint.ts'),
      'src/protocols/quic/a.ts': uses('../tls/a.ts').replace('leaf }', 'twig as leaf }'),
      'src/protocols/http3/a.ts': uses('../quic/a.ts').replace('leaf }', 'twig as leaf }'),
      'src/protocols/http1/a.ts': uses('../../wire/frame.ts'),
      'src/cli/a.ts': "import { readFileSync } from 'node:fs'\nexport const x = readFileSync",
    }),
    [],
  )
})
