import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../../scripts/check/chromium.ts'

/** A server of Redis that nobody here wrote, on a free port of this machine. */
export interface RealRedis {
  readonly port: number
  /** Ends it, and clears up. */
  close(): Promise<void>
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise((done) => server.close(done))
  if (address === null || typeof address === 'string') throw new Error('there is no free port')
  return address.port
}

/** Connects, however long the server takes to listen. */
export async function connectTo(port: number): Promise<Socket> {
  for (let tries = 0; ; tries++) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const isOpen = await new Promise<boolean>((done) => {
      socket.once('connect', () => {
        done(true)
      })
      socket.once('error', () => {
        done(false)
      })
    })
    if (isOpen) return socket
    if (tries > 200) throw new Error(`nobody listens on port ${String(port)}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}

/** Starts a real server, without any file of its own. */
export async function startRedis(options: readonly string[] = []): Promise<RealRedis> {
  const program = await findProgram('redis-server')
  if (program === undefined) throw new Error('redis-server is not installed (Debian: redis-server)')
  const folder = mkdtempSync(join(tmpdir(), 'redis-'))
  const port = await freePort()
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder, '--daemonize', 'no', ...options]
  const child: ChildProcess = spawn(program, settings, { cwd: folder, stdio: 'ignore' })
  const ended = new Promise((done) => child.once('close', done))
  const kill = (): void => {
    child.kill('SIGKILL')
  }
  process.once('exit', kill)
  const socket = await connectTo(port)
  socket.destroy()
  return {
    port,
    close: async () => {
      process.off('exit', kill)
      kill()
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
