import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { judge, type Depth } from './judge.ts'
import type { BridgeOutcome } from '../../src/cli/bridge-engine.ts'
import type { ReadyLine } from '../../src/cli/bridge-ready.ts'
import type { RunReport } from '../../src/cli/report.ts'

/*
 * Programs that nobody here wrote, against simulated hosts: each lab is a network namespace whose only way out is a TAP interface of a
 * bridge. Nothing here asserts how long anything takes.
 */

const CLI = process.env['PACKETARIUM_CLI'] ?? resolve(import.meta.dirname, '../../dist/cli.js')

const run = promisify(execFile)

/** A bridge's last line. */
export type Summary = RunReport & Pick<BridgeOutcome, 'outside' | 'late'>

/** An event of the run, as `--events` writes it. */
export interface WrittenEvent {
  readonly host: string | null
  readonly name: string
  readonly data: Readonly<Record<string, unknown>>
}

/** What a program printed. */
export interface Printed {
  readonly out: string
  readonly err: string
}

let labs = 0

/** What was started and may still run. When this process ends, however it does, they end as well. */
const started = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL')
})

function remember(child: ChildProcess): void {
  started.add(child)
  child.on('close', () => started.delete(child))
}

/** A network namespace in the place of a host of a scenario. */
export class Lab {
  readonly namespace = `packetarium-${String(process.pid)}-${String(++labs)}`
  readonly folder = mkdtempSync(join(tmpdir(), 'strangers-'))
  private bridge: ChildProcess | undefined
  private readonly others: ChildProcess[] = []
  private mac = ''
  private printed = ''
  private said = ''
  private left: Promise<number | null> = Promise.resolve(null)

  /**
   * Starts a bridge.
   * @param attach the host in whose place the namespace is
   * @param options further ones of the command line
   * @param configured whether the interface gets its addresses and routes, and is set up
   */
  async start(scenario: unknown, attach: string, options: readonly string[] = [], configured = true): Promise<ReadyLine> {
    const file = this.file('scenario.json', JSON.stringify(scenario))
    const place = ['--attach', attach, '--tap', `${this.namespace}/eth0`, ...(configured ? ['--configure'] : [])]
    const output = ['--pcap', join(this.folder, 'run.pcapng'), '--events', join(this.folder, 'events.jsonl')]
    const bridge = spawn(process.execPath, [CLI, 'bridge', file, ...place, ...output, ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.bridge = bridge
    remember(bridge)
    this.left = new Promise((done) => bridge.on('close', done))
    bridge.stderr.setEncoding('utf8').on('data', (text: string) => (this.said += text))
    const first = new Promise<string>((done, fail) => {
      bridge.stdout.setEncoding('utf8').on('data', (text: string) => {
        this.printed += text
        const end = this.printed.indexOf('\n')
        if (end >= 0) done(this.printed.slice(0, end))
      })
      bridge.on('close', () => {
        fail(new Error(`the bridge has ended: ${this.said}`))
      })
    })
    const ready = JSON.parse(await first) as ReadyLine
    this.mac = ready.mac
    // By its port number alone tshark takes a random datagram for some protocol's, and finds that malformed. Up here it knows none.
    await this.run('sh', ['-c', 'echo 61000 65535 > /proc/sys/net/ipv4/ip_local_port_range'])
    return ready
  }

  /** Writes a file; gives its path. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.folder, name)
    writeFileSync(path, content)
    return path
  }

  /** Runs a program in the namespace to its end. Rejects with what it said when it fails, or takes longer than it ever should. */
  async run(program: string, args: readonly string[], seconds = 60): Promise<Printed> {
    const options = { cwd: this.folder, maxBuffer: 1 << 26, timeout: seconds * 1000, killSignal: 'SIGKILL' as const }
    const { stdout, stderr } = await run('ip', ['netns', 'exec', this.namespace, program, ...args], options)
    return { out: stdout, err: stderr }
  }

  /** Gives the interface what the ready line says, and sets it up: simulated time begins. */
  async takeOn({ address, prefix, gateway }: ReadyLine): Promise<void> {
    await this.run('ip', ['address', 'add', `${address ?? ''}/${String(prefix)}`, 'dev', 'eth0'])
    await this.run('ip', ['link', 'set', 'eth0', 'up'])
    if (gateway !== null) await this.run('ip', ['route', 'add', 'default', 'via', gateway])
  }

  /** Waits until somebody listens on a TCP port in the namespace. */
  async untilListening(port: number): Promise<void> {
    await this.untilPrinted('ss', ['-Htln'], `:${String(port)} `)
  }

  /** Runs a program again and again, until it prints a text. */
  async untilPrinted(program: string, args: readonly string[], text: string, seconds = 60): Promise<void> {
    let out = ''
    for (let waited = 0; waited < seconds && !out.includes(text); waited += 0.1) {
      await new Promise((done) => setTimeout(done, 100))
      out = (await this.run(program, args)).out
    }
    assert.ok(out.includes(text), `'${text}' did not come: ${out}`)
  }

  /** Starts a program in the namespace that runs until the end. What it says goes to a file. */
  background(program: string, args: readonly string[], log: string): void {
    const file = openSync(join(this.folder, log), 'a')
    const stdio: StdioOptions = ['ignore', file, file]
    const child = spawn('ip', ['netns', 'exec', this.namespace, program, ...args], { cwd: this.folder, stdio })
    remember(child)
    this.others.push(child)
    closeSync(file)
  }

  /** Waits until a text stands in a file. */
  async until(file: string, text: string, seconds = 120): Promise<void> {
    const path = join(this.folder, file)
    for (let waited = 0; waited < seconds; waited += 0.05) {
      if (existsSync(path) && (await readFile(path, 'utf8')).includes(text)) return
      await new Promise((done) => setTimeout(done, 50))
    }
    assert.fail(`'${text}' did not come: ${existsSync(path) ? await readFile(path, 'utf8') : 'there is no file'}`)
  }

  /** Tries a second bridge of the same scenario, which is to fail. */
  again(attach: string, tap: string): { code: number | null; out: string; err: string } {
    const args = [CLI, 'bridge', join(this.folder, 'scenario.json'), '--attach', attach, '--tap', tap]
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    return { code: status, out: stdout, err: stderr }
  }

  /** What the bridge has said on standard error. */
  get told(): string {
    return this.said
  }

  /** Sends the bridge a signal. */
  signal(name: NodeJS.Signals): void {
    this.bridge?.kill(name)
  }

  /** Waits for the end of the bridge. @returns its exit code */
  ended(): Promise<number | null> {
    return this.left
  }

  /** Ends the bridge as a terminal would, and gives its summary, its events, and its capture when that is judged to be right. */
  async finish(depth: Depth = 'all'): Promise<{ summary: Summary; events: WrittenEvent[] }> {
    this.endOthers()
    this.signal('SIGINT')
    return this.results(depth)
  }

  /** The same of a bridge that ends by itself, or was told to. */
  async results(depth: Depth = 'all'): Promise<{ summary: Summary; events: WrittenEvent[] }> {
    const results = await this.unjudgedResults()
    const { frames, complaints } = await judge(join(this.folder, 'run.pcapng'), this.mac, depth)
    assert.deepEqual(complaints, [], 'tshark finds nothing wrong')
    assert.equal(frames > 0, true)
    return results
  }

  /** The same without a look at the capture. */
  async unjudgedResults(): Promise<{ summary: Summary; events: WrittenEvent[] }> {
    assert.equal(await this.left, 0, this.said)
    const lines = this.printed.trimEnd().split('\n')
    assert.equal(lines.length, 2, this.printed)
    const summary = JSON.parse(lines[1]) as Summary
    const events = (await readFile(join(this.folder, 'events.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as WrittenEvent)
    return { summary, events }
  }

  /** Whatever became of it, nothing is left behind. */
  async close(): Promise<void> {
    this.endOthers()
    // Its TAP program takes the interface and the namespace away when this end of its input is gone.
    this.bridge?.kill('SIGKILL')
    await this.left
    rmSync(this.folder, { recursive: true, force: true })
  }

  private endOthers(): void {
    for (const child of this.others.splice(0)) child.kill('SIGTERM')
  }
}

/** Does something in a lab of its own, and clears up. */
export async function inLab(work: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = new Lab()
  try {
    await work(lab)
  } finally {
    await lab.close()
  }
}
