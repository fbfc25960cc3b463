import { countFrames } from '../../src/cli/engine.ts'
import { runCli } from '../../src/cli/program.ts'
import { madeTrace } from '../scenario/trace-fixture.ts'
import { DOWNLOAD } from '../scenario/scenario-fixture.ts'
import type { BridgeRequest } from '../../src/cli/bridge-engine.ts'
import type { CliContext, ExitCode } from '../../src/cli/context.ts'
import type { RunOutcome, RunRequest } from '../../src/cli/engine.ts'
import type { CaptureChoice } from '../../src/run/run.ts'

/** What a call of the command line left behind. */
export interface Session {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
  /** What the engine was asked. */
  readonly requests: readonly RunRequest[]
  /** What the bridge was asked. */
  readonly bridges: readonly BridgeRequest[]
  /** What they were asked to capture. */
  readonly captures: readonly CaptureChoice[]
  readonly disposed: number
  readonly files: ReadonlyMap<string, string | Uint8Array>
  /** Folders that were made. */
  readonly folders: readonly string[]
}

export const KEY_LOG = 'CLIENT_RANDOM 00 01\n'

export const QLOG = [
  { name: 'alice-client-00.qlog', text: '{"qlog_version":"0.3"}' },
  { name: 'bob-server-00.qlog', text: '{}' },
]

export const CAPTURE = new TextEncoder().encode('a capture')

/** Runs the command line in a world of its own, with an engine that makes up what happens. */
export async function callCli(
  args: readonly string[],
  world: {
    readonly files?: Readonly<Record<string, string>>
    readonly overBudget?: string
    /** What a bridge tells while it runs. */
    readonly lateness?: readonly string[]
    readonly sink?: (path: string) => void
  } = {},
): Promise<Session> {
  let out = ''
  let err = ''
  let disposed = 0
  let clock = 0
  const requests: RunRequest[] = []
  const bridges: BridgeRequest[] = []
  const captures: CaptureChoice[] = []
  const folders: string[] = []
  const files = new Map<string, string | Uint8Array>(Object.entries(world.files ?? {}))
  const fail = (code: string): never => {
    throw Object.assign(new Error(code), { code })
  }
  const context: CliContext = {
    version: '1.2.3',
    catalog: {
      download: { title: 'A download', summary: 'One file.', load: () => Promise.resolve({ default: DOWNLOAD }) },
      'bold-claim': {
        title: 'A bold claim',
        summary: 'It fails.',
        load: () => Promise.resolve({ default: { ...DOWNLOAD, id: 'bold-claim', claims: CLAIMS } }),
      },
    },
    engine: {
      run: (request) => {
        requests.push(request)
        clock += 0.25
        const trace = madeTrace(
          request.scenario.hosts.map(({ name }) => name),
          [{ name: 'page:loaded', time: 300e6, data: { duration: 300e6 } }],
          [{}, { fate: 'random-loss' }, { fate: 'random-loss' }, { fate: 'queue-full' }, { fate: 'in-flight' }],
        )
        const outcome: RunOutcome = {
          overBudget: world.overBudget,
          simulatedTime: Math.min(request.scenario.duration, 1_234_000_000),
          ...countFrames(trace),
          refused: request.interventions
            .filter((intervention) => 'drop' in intervention)
            .map((intervention) => ({ intervention, why: 'It is gone.' })),
          trace,
          keyLog: () => KEY_LOG,
          capture: (choice) => {
            captures.push(choice)
            return CAPTURE
          },
          qlog: () => QLOG,
          dispose: () => {
            disposed++
          },
        }
        return Promise.resolve(outcome)
      },
    },
    bridge: {
      run: (request) => {
        bridges.push(request)
        request.ready()
        for (const line of world.lateness ?? []) request.tell(line)
        const trace = madeTrace(
          request.scenario.hosts.map(({ name }) => name),
          [],
          [{}, { fate: 'random-loss' }],
        )
        return Promise.resolve({
          overBudget: undefined,
          simulatedTime: 2_000_000_000,
          ...countFrames(trace),
          refused: [],
          trace,
          keyLog: () => KEY_LOG,
          capture: (choice: CaptureChoice) => {
            captures.push(choice)
            return CAPTURE
          },
          qlog: () => QLOG,
          dispose: () => {
            disposed++
          },
          outside: { host: request.host.name, framesIn: 3, framesRefused: 0, framesOut: 4, framesUntaken: 1 },
          late: { p50: 0.1, p99: 0.2, max: 0.3, behind: 0, lateFrames: 0 },
        })
      },
    },
    interrupted: () => new AbortController().signal,
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    readFile: (path) => {
      const content = files.get(path)
      return Promise.resolve(typeof content === 'string' ? content : fail('ENOENT'))
    },
    writeFile: (path, content) => {
      world.sink?.(path)
      files.set(path, content)
      return Promise.resolve()
    },
    makeFolder: (path) => {
      world.sink?.(path)
      folders.push(path)
      return Promise.resolve()
    },
    wallSeconds: () => clock,
  }
  const code = await runCli(args, context)
  return { code, out, err, requests, bridges, captures, disposed, files, folders }
}

export const CLAIMS = [
  { says: 'The page loads', measure: 'page-load-time' as const, below: '1 s' as const },
  { says: 'Nothing is lost', cites: 'Murphy', measure: 'frames-lost' as const, below: 1 },
]
