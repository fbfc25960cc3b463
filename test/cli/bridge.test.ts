import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createBridge } from '../../src/cli/bridge.ts'
import { UsageError } from '../../src/cli/context.ts'
import { FrameReader, FrameWriter } from '../../src/cli/frame-stream.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { Place } from '../../src/cli/attachment.ts'
import type { BridgeOutcome } from '../../src/cli/bridge-engine.ts'

const folder = await mkdtemp(join(tmpdir(), 'packetarium-'))
after(() => rm(folder, { recursive: true }))
let paths = 0
const newPath = (): string => join(folder, `${++paths}.sock`)

interface Running {
  readonly ended: Promise<BridgeOutcome>
  readonly told: readonly { left?: string; gone?: string }[]
  readonly stop: () => void
}

/** A bridge in the place of Alice, whose link to Bob takes 2 ms, or so much. It is ready when this resolves. */
async function bridge(places: readonly Place[], options: { delay?: string; until?: number } = {}): Promise<Running> {
  const { delay = '2 ms', until = 60e9 } = options
  const scenario = resolveScenario({
    id: 'pair',
    title: 'A pair',
    hosts: { alice: {}, bob: {} },
    links: [{ between: ['alice', 'bob'], delay }],
  })
  const controller = new AbortController()
  const told: { left?: string; gone?: string }[] = []
  let ended: Promise<BridgeOutcome> | undefined
  await new Promise<void>((done, fail) => {
    ended = createBridge(() => performance.now()).run({
      scenario: { ...scenario, duration: until },
      host: scenario.hosts[0],
      interventions: [],
      places,
      configure: false,
      ready: done,
      tell: (line) => {
        // A busy machine is late, and that is told as well.
        if (!line.startsWith('{"late"')) told.push(JSON.parse(line) as (typeof told)[number])
      },
      signal: controller.signal,
    })
    ended.catch(fail)
  })
  return {
    ended: ended!,
    told,
    stop: () => {
      controller.abort()
    },
  }
}

/** Who has 10.0.0.2? Tell 10.0.0.1. (RFC 826) */
const QUESTION = Buffer.from('ffffffffffff020000010000080600010800060400010200000100000a0000010000000000000a000002', 'hex')

/** Asks for Bob's address, and gives what came back. */
async function ask(socket: Socket): Promise<Buffer> {
  const answer = new Promise<Buffer>((done) => {
    const reader = new FrameReader((frame) => {
      done(Buffer.from(frame))
    })
    socket.on('data', (chunk) => {
      reader.push(chunk)
    })
  })
  const writer = new FrameWriter(socket)
  writer.write(QUESTION)
  writer.flush()
  return answer
}

async function visit(path: string): Promise<Socket> {
  const socket = connect(path)
  await once(socket, 'connect')
  return socket
}

const isAnswer = (frame: Buffer): void => {
  assert.equal(frame.subarray(0, 14).toString('hex'), '0200000100000200000200000806')
  assert.equal(frame.subarray(28, 32).toString('hex'), '0a000002')
}

test('nobody is at the path: it listens there; a peer may leave, and another may come', async () => {
  const path = newPath()
  const { ended, told, stop } = await bridge([{ kind: 'socket', path }])
  for (let i = 0; i < 2; i++) {
    const socket = await visit(path)
    isAnswer(await ask(socket))
    socket.destroy()
    while (told.length <= i) await new Promise((done) => setTimeout(done, 5))
  }
  stop()
  const { outside, frames, simulatedTime, late } = await ended
  assert.deepEqual(outside, { host: 'alice', framesIn: 2, framesRefused: 0, framesOut: 2, framesUntaken: 0 })
  assert.equal(frames, 4)
  assert.equal(simulatedTime >= 8e6, true)
  assert.equal(late.max > 0, true)
  assert.deepEqual(
    told.map(({ left }) => left),
    ['the peer has left', 'the peer has left'],
  )
  assert.equal(existsSync(path), false, 'the socket is taken away')
})

test('a second peer is turned away, and the first one is not disturbed', async () => {
  const path = newPath()
  const { ended, stop } = await bridge([{ kind: 'socket', path }])
  const first = await visit(path)
  const second = await visit(path)
  await once(second, 'close')
  isAnswer(await ask(first))
  stop()
  await once(first, 'close')
  await ended
})

test('a peer that does not keep to the framing is turned away, and it is said', async () => {
  const path = newPath()
  const { ended, told, stop } = await bridge([{ kind: 'socket', path }])
  const socket = await visit(path)
  socket.write(Buffer.alloc(64, 0xff))
  await once(socket, 'close')
  isAnswer(await ask(await visit(path)))
  stop()
  await ended
  assert.match(told[0].left ?? '', /does not keep to the framing: a frame of 4294967295 bytes/)
})

test('somebody listens at the path: it connects there, and ends when they leave', async () => {
  const path = newPath()
  const server = createServer().listen(path)
  const coming = once(server, 'connection') as Promise<[Socket]>
  const { ended, told } = await bridge([{ kind: 'socket', path }])
  const [socket] = await coming
  isAnswer(await ask(socket))
  socket.destroy()
  const { outside } = await ended
  assert.deepEqual([outside.framesIn, outside.framesOut], [1, 1])
  assert.deepEqual(told, [{ gone: 'the peer has left' }])
  assert.equal(existsSync(path), true, "it is theirs, not the bridge's")
  server.close()
})

test('time stands still until somebody is there', async () => {
  const path = newPath()
  const { ended, stop } = await bridge([{ kind: 'socket', path }])
  await new Promise((done) => setTimeout(done, 60))
  stop()
  assert.equal((await ended).simulatedTime, 0)
})

test('it ends at its time by itself', async () => {
  const path = newPath()
  const { ended } = await bridge([{ kind: 'socket', path }], { until: 50e6 })
  const socket = await visit(path)
  await once(socket, 'close')
  assert.equal((await ended).simulatedTime, 50e6)
})

test('an echo takes as long as its link, and is not early', async () => {
  const path = newPath()
  const { ended, stop } = await bridge([{ kind: 'socket', path }], { delay: '30 ms' })
  const socket = await visit(path)
  await ask(socket)
  const begin = performance.now()
  await ask(socket)
  assert.equal(performance.now() - begin >= 60, true)
  stop()
  await ended
})

test('a socket that was left behind is put aside; what is no socket is not touched', async () => {
  const path = newPath()
  // Closing a server removes its socket: this one is renamed from under it.
  const server = createServer().listen(`${path}.0`)
  await once(server, 'listening')
  await rename(`${path}.0`, path)
  server.close()
  const { ended, stop } = await bridge([{ kind: 'socket', path }])
  isAnswer(await ask(await visit(path)))
  stop()
  await ended
  await writeFile(path, 'a letter')
  await assert.rejects(bridge([{ kind: 'socket', path }]), UsageError)
  await assert.rejects(bridge([{ kind: 'socket', path: join(folder, 'missing', 'x') }]), UsageError)
})
