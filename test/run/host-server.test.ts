import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { HostServer, logOfReport } from '../../src/run/host-server.ts'
import type { HostReport, HostTask } from '../../src/run/host-messages.ts'
import { BatchWriter, readBatch } from '../../src/run/frame-batch.ts'
import { dissect } from '../../src/trace/dissect.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'

const MS = 1_000_000

const PING = resolveScenario({
  id: 'ping',
  title: 'Ping',
  hosts: { alice: { app: 'ping', to: 'bob', count: 1 }, bob: {} },
  links: [{ between: ['alice', 'bob'], delay: '5 ms' }],
})

/** What came over a port, in order; waits for what is to come. */
class Mailbox<T> {
  readonly letters: T[] = []
  private wake: (() => void) | undefined

  constructor(port: MessagePort) {
    port.onmessage = ({ data }: MessageEvent<T>) => {
      this.letters.push(data)
      this.wake?.()
    }
  }

  async next(): Promise<T> {
    while (this.letters.length === 0) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    return this.letters.shift() as T
  }
}

const open: MessagePort[] = []
afterEach(() => {
  for (const port of open.splice(0)) port.close()
})

function place(host: number, scenario = PING) {
  const [link, control] = [new MessageChannel(), new MessageChannel()]
  open.push(link.port1, link.port2, control.port1, control.port2)
  const reports = new Mailbox<HostReport>(control.port1)
  const batches = new Mailbox<ArrayBuffer>(link.port1)
  new HostServer({ scenario, host, seed: 1, links: [link.port2], control: control.port2 })
  const ask = (task: Partial<HostTask>): void => {
    control.port1.postMessage({ until: 0, orders: [], sent: [0], ...task })
  }
  return { reports, batches, ask, link: link.port1 }
}

/** Lets every message that was posted so far arrive. */
async function calm(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

function framesOf(buffer: ArrayBuffer): { bytes: Uint8Array; arrives: number; id: number }[] {
  const frames: { bytes: Uint8Array; arrives: number; id: number }[] = []
  readBatch(buffer, { carry: (bytes, arrives, id) => frames.push({ bytes, arrives, id }) })
  return frames
}

test('powers on, reports, and hands its frames to the neighbour and to the trace', async () => {
  const { reports, batches } = place(0)
  const report = await reports.next()
  const [question] = framesOf(await batches.next())
  assert.equal(question.arrives, 5 * MS)
  assert.deepEqual(report.carried, [{ count: 1, earliest: 5 * MS }])
  const { frames, names } = logOfReport(report)
  assert.deepEqual(frames, [question.bytes])
  assert.equal(dissect(frames[0])[1].protocol, 'arp')
  assert.equal(names.includes('app:started'), true)
  assert.equal(report.failure, undefined)
})

test('waits for all frames that were sent to it, in whichever order messages come', async () => {
  const alice = place(0)
  await alice.reports.next()
  const batch = await alice.batches.next()
  const bob = place(1)
  await bob.reports.next()
  bob.ask({ until: 6 * MS, sent: [1] })
  await calm()
  assert.deepEqual(bob.reports.letters, [], 'the frame is not there yet')
  bob.link.postMessage(batch)
  const report = await bob.reports.next()
  assert.deepEqual(report.carried, [{ count: 1, earliest: 10 * MS }])
  assert.equal(framesOf(await bob.batches.next())[0].arrives, 10 * MS)
})

test('keeps frames that come before it is told to go on, and those of a later time', async () => {
  const bob = place(1)
  const { next } = await bob.reports.next()
  const alice = place(0)
  await alice.reports.next()
  const [frame] = framesOf(await alice.batches.next())
  const writer = new BatchWriter()
  writer.carry(frame.bytes, 5 * MS, frame.id, 0, true)
  writer.carry(frame.bytes, 50 * MS, frame.id + 1, 0, true)
  const batch = writer.take()
  bob.link.postMessage(batch, [batch])
  await calm()
  assert.deepEqual(bob.reports.letters, [])
  bob.ask({ until: 6 * MS, sent: [2] })
  const report = await bob.reports.next()
  assert.equal(report.next, Math.min(next, 50 * MS))
  assert.equal(report.carried[0].count, 1)
})

test('carries out orders when everything before their time is done', async () => {
  const alice = place(0)
  await alice.reports.next()
  alice.ask({ until: 3 * MS, orders: [{ kind: 'restart', cause: 42 }] })
  const { numbers, events, carried } = await alice.reports.next()
  assert.equal(numbers.length > 0, true)
  assert.equal(
    events.some(({ name }) => name === 'app:started'),
    true,
  )
  assert.deepEqual(carried, [{ count: 1, earliest: 8 * MS }])
})

test('reports what breaks in its own program, when it starts and later', async () => {
  const hosts = PING.hosts.map((host) => ({ ...host, apps: [{ app: 'no-such-app', options: {} }] }))
  const broken = place(0, { ...PING, hosts })
  assert.match(String((await broken.reports.next()).failure), /no-such-app/)
  const alice = place(0)
  await alice.reports.next()
  alice.ask({ until: MS, orders: [{ kind: 'link', port: 9, settings: {}, cause: 0 }] })
  assert.match(String((await alice.reports.next()).failure), /alice has no port 9/)
})
