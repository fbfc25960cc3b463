import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BusClient } from '../../src/apps/bus/bus-client.ts'
import { BusError } from '../../src/apps/bus/bus-error.ts'
import type { TcpSocket } from '../../src/host/socket.ts'
import { textBytes } from '../../src/wire/resp-request.ts'
import { encodeRespCommand } from '../../src/wire/resp.ts'
import { MILLISECOND, SECOND, type Body } from '../apps/site.ts'
import { pair } from '../host/topologies.ts'
import { inLab, type Lab } from './lab.ts'
import { connectTo, startRedis } from './redis-process.ts'

const scenario = {
  id: 'bus',
  title: 'A simulated bus for a real client',
  hosts: { client: {}, bus: { app: 'redis-server', appendonly: true, fsync: 'always' } },
  links: [{ between: ['client', 'bus'], rate: '100 Mbit/s', delay: '500 us' }],
}

/** Runs redis-cli in the lab; what it is given on standard input comes from a file. */
async function cli(lab: Lab, host: string, options: readonly string[], input?: string): Promise<string> {
  const args = ['-h', host, ...options]
  if (input === undefined) return (await lab.run('redis-cli', args)).out
  const file = lab.file(`input-${String(input.length)}`, Buffer.from(input, 'latin1'))
  return (await lab.run('sh', ['-c', `redis-cli ${args.join(' ')} < ${file}`])).out
}

describe('redis-cli, with a simulated bus', () => {
  test('asks single things, many in a row, in both versions of the protocol', async () => {
    await inLab(async (lab) => {
      const { peers } = await lab.start(scenario, 'client')
      const bus = peers['bus']?.address ?? ''
      assert.equal(await cli(lab, bus, ['PING']), 'PONG\n')
      assert.equal(await cli(lab, bus, ['SET', 'key', 'value with spaces']), 'OK\n')
      assert.equal(await cli(lab, bus, ['-3', 'GET', 'key']), 'value with spaces\n')
      assert.equal(await cli(lab, bus, ['--no-raw', '-3', 'GET', 'none']), '(nil)\n')
      const script = 'INCR n\nINCR n\nXADD s 1-1 field one\nXADD s 2-1 field two\nXLEN s\nNONSENSE\nGET s\n'
      const lines = (await cli(lab, bus, [], script)).trimEnd().split('\n')
      assert.deepEqual(lines.slice(0, 5), ['1', '2', '1-1', '2-1', '2'])
      assert.match(lines[5], /^ERR unknown command 'NONSENSE'/)
      assert.match(lines.at(-1) ?? '', /^WRONGTYPE Operation against a key/)
      assert.match(await cli(lab, bus, ['-3', '--json', 'XREAD', 'STREAMS', 's', '0']), /^\{"s":\[\["1-1",\["field","one"\]\]/)
      assert.match(await cli(lab, bus, ['INFO', 'server']), /redis_version:7/)
      assert.match(await cli(lab, bus, ['CLIENT', 'LIST']), /id=\d+ addr=/)
      await lab.finish()
    })
  })

  test('--pipe pours 20,000 commands in, and all are counted', async () => {
    await inLab(async (lab) => {
      const { peers } = await lab.start(scenario, 'client')
      const bus = peers['bus']?.address ?? ''
      const commands = Array.from({ length: 20_000 }, (_, i) =>
        encodeRespCommand(['SET', `key:${String(i)}`, String(i)].map(textBytes)),
      )
      const out = await cli(lab, bus, ['--pipe'], Buffer.concat(commands).toString('latin1'))
      assert.match(out, /errors: 0, replies: 20000/)
      assert.equal(await cli(lab, bus, ['DBSIZE']), '20000\n')
      assert.equal(await cli(lab, bus, ['GET', 'key:19999']), '19999\n')
      await lab.finish('transport')
    })
  })

  test('subscribes, and hears what another one publishes; in both versions', async () => {
    await inLab(async (lab) => {
      const { peers } = await lab.start(scenario, 'client')
      const bus = peers['bus']?.address ?? ''
      lab.background('redis-cli', ['-h', bus, 'SUBSCRIBE', 'news'], 'heard-2')
      lab.background('redis-cli', ['-h', bus, '-3', 'PSUBSCRIBE', 'n*'], 'heard-3')
      await lab.untilPrinted('redis-cli', ['-h', bus, 'PUBLISH', 'news', 'warming up'], '2')
      assert.equal(await cli(lab, bus, ['PUBLISH', 'news', 'hello there']), '2\n')
      await lab.until('heard-2', 'message\nnews\nhello there\n')
      await lab.until('heard-3', 'hello there')
      assert.equal(await cli(lab, bus, ['PUBSUB', 'NUMSUB', 'news']), 'news\n1\n')
      await lab.finish()
    })
  })
})

/** A host on which connections are passed on to a real port of this machine. What is passed lies between turns of the loop. */
class Passage {
  private readonly open: {
    readonly socket: TcpSocket
    readonly out: Uint8Array[]
    readonly back: Uint8Array[]
    isOver: boolean
  }[] = []

  constructor(private readonly port: number) {}

  readonly body: Body = (context) => this.run(context)

  private *run({ sockets, spawn, sleep }: Parameters<Body>[0]): ReturnType<Body> {
    const listener = sockets.listen(6379)
    const { open } = this
    for (;;) {
      const socket = yield* listener.accept()
      const line = { socket, out: [] as Uint8Array[], back: [] as Uint8Array[], isOver: false }
      open.push(line)
      void this.connect(line)
      spawn(
        (function* () {
          while (!line.isOver) {
            for (let bytes = socket.readNow(); bytes !== undefined; bytes = socket.readNow()) line.out.push(bytes.slice())
            for (const bytes of line.back.splice(0)) yield* socket.write(bytes)
            if (socket.arrival === undefined) line.isOver = true
            yield* sleep(MILLISECOND)
          }
          socket.close()
        })(),
      )
    }
  }

  private async connect(line: (typeof this.open)[number]): Promise<void> {
    const real = await connectTo(this.port)
    real.on('data', (bytes) => line.back.push(new Uint8Array(bytes)))
    real.on('error', () => (line.isOver = true))
    while (!line.isOver) {
      for (const bytes of line.out.splice(0)) real.write(bytes)
      await new Promise((done) => setImmediate(done))
    }
    real.destroy()
  }
}

describe('our bus client, with a real Redis', () => {
  for (const protocol of [2, 3] as const) {
    test(`commands, streams and subscriptions over RESP${String(protocol)}`, async () => {
      const real = await startRedis(['--requirepass', 'secret'])
      const found: unknown[] = []
      let isDone = false
      const user: Body = function* (context) {
        const bus = new BusClient(context, { host: '10.0.0.2', password: 'secret', name: 'ours', protocol })
        bus.subscribe('a')
        bus.subscribePattern('room:*')
        for (let n = 0; n < 2;) if ((yield* bus.nextEvent()).type === 'subscribed') n++
        yield* bus.set('häuser', Buffer.from('drei'))
        found.push(Buffer.from((yield* bus.get('häuser')) ?? []).toString(), yield* bus.get('none'))
        const ids: string[] = []
        for (let i = 0; i < 5; i++) ids.push(yield* bus.append('s', { n: String(i) }))
        found.push(
          (yield* bus.range('s', ids[1])).map(({ id, fields }) => [ids.indexOf(id), Buffer.from(fields[0][1]).toString()]),
        )
        found.push((yield* bus.range('s', '0', 2)).length, (yield* bus.range('none', '0')).length)
        try {
          yield* bus.append('häuser', { a: 'b' })
        } catch (error) {
          if (error instanceof BusError) found.push(error.code)
        }
        found.push(
          yield* bus.publish('a', textBytes('one')),
          yield* bus.publish('room:7', textBytes('two')),
          yield* bus.publish('b', textBytes('x')),
        )
        for (let n = 0; n < 2;) {
          const event = yield* bus.nextEvent()
          if (event.type !== 'message') continue
          n++
          found.push([event.channel, event.pattern, Buffer.from(event.bytes).toString()])
        }
        const name = yield* bus.command(['CLIENT', 'GETNAME'])
        found.push(name.type === 'bulk' ? Buffer.from(name.value).toString() : name.type)
        bus.close()
        isDone = true
      }
      try {
        const world = pair(user, new Passage(real.port).body, { delay: MILLISECOND })
        for (let time = MILLISECOND; !isDone && time < 60 * SECOND; time += MILLISECOND) {
          world.run(time)
          await new Promise((done) => setImmediate(done))
        }
        world.run(70 * SECOND)
        await new Promise((done) => setTimeout(done, 20))
        assert.deepEqual(world.happened('app:failed'), [])
      } finally {
        await real.close()
      }
      assert.deepEqual(found, [
        'drei',
        undefined,
        [
          [2, '2'],
          [3, '3'],
          [4, '4'],
        ],
        2,
        0,
        'WRONGTYPE',
        1,
        1,
        0,
        ['a', undefined, 'one'],
        ['room:7', 'room:*', 'two'],
        'ours',
      ])
    })
  }
})
