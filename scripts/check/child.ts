import { spawn } from 'node:child_process'

export interface Ending {
  /** Exit code; 1 when it was killed or could not be started. */
  readonly code: number
  /** What it printed, both streams as they came. */
  readonly output: string
}

// Colours, and cursors that move over what was printed.
// eslint-disable-next-line no-control-regex
const CONTROL_SEQUENCE = /\x1b\[[0-9;]*[A-Za-z]/g

const running = new Set<number>()

/** Ends every child that still runs, with its children. */
export function killAll(): void {
  for (const group of running) kill(group)
}

function kill(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch (error) {
    // It may have ended by itself a moment ago.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/**
 * Runs a program to its end.
 * @param options.seconds how long it may take before it is killed, with its children
 */
export function runChild(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly seconds: number; readonly env?: Readonly<Record<string, string>> },
): Promise<Ending> {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that killing it leaves no browser behind.
      detached: true,
    })
    const group = child.pid
    if (group !== undefined) running.add(group)
    let output = ''
    let late = false
    const timer = setTimeout(() => {
      late = true
      if (group !== undefined) kill(group)
    }, options.seconds * 1000)
    const end = (code: number) => {
      clearTimeout(timer)
      if (group !== undefined) running.delete(group)
      output = output.replace(CONTROL_SEQUENCE, '')
      done({ code, output: late ? `${output}\nkilled: not done after ${options.seconds} s\n` : output })
    }
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', (error) => {
      output += `${command}: ${error.message}\n`
      end(1)
    })
    child.on('close', (code) => end(code ?? 1))
  })
}
