import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { textBytes } from '../../src/wire/resp-request.ts'
import { encodeRespCommand } from '../../src/wire/resp.ts'
import { LISTS, LISTS3, type Command } from '../apps/bus/redis-commands.ts'
import { app, SECOND } from '../apps/site.ts'
import { pair } from '../host/topologies.ts'
import { ip } from '../host/world.ts'
import { connectTo, startRedis, type RealRedis } from './redis-process.ts'

/*
 * The same commands to a server of Redis that nobody here wrote, and to ours: the same bytes come back. Each list is followed by a word that
 * is sent back, so that it is known when all is there.
 */

const LAST = 'that was all'
const MARK = `$${String(LAST.length)}\r\n${LAST}\r\n`

function encoded(commands: readonly Command[]): Buffer {
  return Buffer.concat(commands.map((words) => encodeRespCommand(words.map(textBytes))))
}

/** What a server is asked: by a subscriber of RESP2 the word is not sent back. */
function conversation(version: 2 | 3, commands: readonly Command[]): Buffer {
  const hello: Command[] = version === 3 ? [['HELLO', '3']] : []
  return encoded([...hello, ...commands, ['ECHO', LAST]])
}

/** Without the answer to HELLO, which names the server. */
function answers(version: 2 | 3, all: string): string[] {
  const start = version === 3 ? all.indexOf('*0\r\n') + 4 : 0
  return all.slice(start).split('\r\n')
}

async function askReal(port: number, bytes: Buffer): Promise<string> {
  const socket = await connectTo(port)
  let all = ''
  try {
    await new Promise<void>((done, fail) => {
      const alarm = setTimeout(() => {
        fail(new Error(`no end came: ${all}`))
      }, 10_000)
      const end = (): void => {
        clearTimeout(alarm)
        done()
      }
      socket.on('data', (chunk) => {
        all += chunk.toString('latin1')
        if (all.endsWith(MARK)) end()
      })
      socket.on('close', end)
      socket.on('error', fail)
      socket.write(bytes)
    })
  } finally {
    socket.destroy()
  }
  return all
}

function askOurs(bytes: Buffer): string {
  let all = ''
  const world = pair(
    function* ({ sockets }) {
      const socket = yield* sockets.connect({ address: ip('10.0.0.2'), port: 6379 })
      yield* socket.write(bytes)
      while (!all.endsWith(MARK)) {
        const chunk = yield* socket.read()
        if (chunk === undefined) break
        all += Buffer.from(chunk).toString('latin1')
      }
      socket.close()
    },
    app('redis-server', {}),
  ).run(20 * SECOND)
  assert.deepEqual(world.happened('app:failed'), [])
  return all
}

describe('a real Redis and ours answer the same', () => {
  let real: RealRedis
  before(async () => {
    real = await startRedis()
  })
  after(async () => {
    await real.close()
  })

  const compare = async (version: 2 | 3, commands: readonly Command[]): Promise<void> => {
    const bytes = conversation(version, commands)
    await askReal(real.port, encoded([['FLUSHALL'], ['ECHO', LAST]]))
    assert.deepEqual(answers(version, askOurs(bytes)), answers(version, await askReal(real.port, bytes)))
  }

  for (const [name, commands] of Object.entries(LISTS)) {
    test(`${name}: ${String(commands.length)} commands over RESP2`, () => compare(2, commands))
    // A list that ends in RESP2 after RESET has nothing more to say about RESP3.
    test(`${name}: ${String(commands.length)} commands over RESP3`, () => compare(3, commands))
  }
  for (const [name, commands] of Object.entries(LISTS3)) test(name, () => compare(3, commands))

  test('what is no command, or typed by hand', async () => {
    for (const text of [
      '*x\r\n',
      '*1\r\n+a\r\n',
      '*1\r\n$x\r\n',
      '*1\r\n$-1\r\n',
      '*2\r\n$4\r\nECHO\r\n:1\r\n',
      'ECHO "a\r\n',
      `*-1\r\nPING\nping\r\n\r\n*0\r\n  ECHO   "a\\x41\\n" \r\n`,
      '$5\r\n',
      `set k 'it\\'s'\r\nget k\r\n`,
    ]) {
      // A fault ends the connection; where there is none, QUIT does.
      const bytes = Buffer.from(`${text}QUIT\r\n`, 'latin1')
      assert.equal(askOurs(bytes), await askReal(real.port, bytes), text.slice(0, 40))
    }
  })
})
