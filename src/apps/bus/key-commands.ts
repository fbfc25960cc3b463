import { byteText } from '../../wire/resp-buffer.ts'
import { textBytes } from '../../wire/resp-request.ts'
import type { RespValue } from '../../wire/resp.ts'
import { matchesGlob } from './glob-pattern.ts'
import { keyed, manyKeyed, plain, type DataCall, type DataCommand } from './redis-command.ts'
import { array, bulkText, CommandError, countWord, integer, OK, optionWord, syntaxError } from './redis-reply.ts'
import { StreamValue } from './stream-value.ts'

function deleteKeys({ server, session, words }: DataCall): RespValue {
  const gone = words.slice(1).filter((word) => session.keyspace.delete(byteText(word)))
  if (gone.length > 0) server.changed(session, [textBytes('DEL'), ...gone])
  return integer(gone.length)
}

function countKeys({ session, words }: DataCall): RespValue {
  return integer(words.slice(1).filter((word) => session.keyspace.get(byteText(word)) !== undefined).length)
}

function checkExpireOptions(words: readonly Uint8Array[]): ReadonlySet<string> {
  const options = new Set<string>()
  for (const word of words.slice(3)) {
    const option = optionWord(word)
    if (!['NX', 'XX', 'GT', 'LT'].includes(option)) throw new CommandError(`ERR Unsupported option ${byteText(word)}`)
    options.add(option)
  }
  if (options.has('NX') && options.size > 1)
    throw new CommandError('ERR NX and XX, GT or LT options at the same time are not compatible')
  if (options.has('GT') && options.has('LT')) throw new CommandError('ERR GT and LT options at the same time are not compatible')
  return options
}

/** Whether the options let a key that expires at `before` (0: never) expire at `at`. */
function isWanted(options: ReadonlySet<string>, before: number, at: number): boolean {
  if (options.has('NX') && before !== 0) return false
  if (options.has('XX') && before === 0) return false
  if (options.has('GT') && (before === 0 || at <= before)) return false
  return !(options.has('LT') && before !== 0 && at >= before)
}

/** @param unit in milliseconds */
function expire(name: string, unit: number, isRelative: boolean): DataCommand {
  return keyed(name, -3, ['write', 'fast'], ({ server, session, words }) => {
    const [, word, when] = words
    const key = byteText(word)
    const options = checkExpireOptions(words)
    const at = countWord(when) * unit + (isRelative ? server.clock() : 0)
    if (Math.abs(at) > Number.MAX_SAFE_INTEGER) throw new CommandError(`ERR invalid expire time in '${name}' command`)
    const before = session.keyspace.expiryOf(key)
    if (before === undefined || !isWanted(options, before, at)) return integer(0)
    if (at <= server.clock()) {
      session.keyspace.delete(key)
      server.changed(session, [textBytes('DEL'), word])
    } else {
      session.keyspace.expire(key, at)
      server.changed(session, [textBytes('PEXPIREAT'), word, textBytes(String(at))])
    }
    return integer(1)
  })
}

/** What is left of a key's time. */
function left(name: string, unit: number): DataCommand {
  return keyed(name, 2, ['readonly', 'fast'], ({ server, session, words }) => {
    const at = session.keyspace.expiryOf(byteText(words[1]))
    if (at === undefined) return integer(-2)
    return integer(at === 0 ? -1 : Math.floor((at - server.clock() + (unit >> 1)) / unit))
  })
}

function persist({ server, session, words }: DataCall): RespValue {
  const key = byteText(words[1])
  const at = session.keyspace.expiryOf(key)
  if (at === undefined || at === 0) return integer(0)
  session.keyspace.expire(key, 0)
  server.changed(session, words)
  return integer(1)
}

function typeOf({ session, words }: DataCall): RespValue {
  const value = session.keyspace.get(byteText(words[1]))
  return { type: 'string', value: value === undefined ? 'none' : value instanceof StreamValue ? 'stream' : 'string' }
}

function keysLike({ session, words }: DataCall): RespValue {
  const pattern = byteText(words[1])
  return array(
    session.keyspace
      .keys()
      .filter((key) => matchesGlob(pattern, key))
      .map(bulkText),
  )
}

function flush(isAll: boolean) {
  return ({ server, session, words }: DataCall): RespValue => {
    if (words.length > 2 || (words.length === 2 && !['ASYNC', 'SYNC'].includes(optionWord(words[1])))) throw syntaxError()
    for (const keyspace of isAll ? server.databases : [session.keyspace]) keyspace.clear()
    server.changed(session, [textBytes(isAll ? 'FLUSHALL' : 'FLUSHDB')])
    return OK
  }
}

/** About keys, whatever they have. */
export const KEY_COMMANDS: readonly DataCommand[] = [
  manyKeyed('del', -2, ['write'], [1, -1, 1], deleteKeys),
  manyKeyed('unlink', -2, ['write', 'fast'], [1, -1, 1], deleteKeys),
  manyKeyed('exists', -2, ['readonly', 'fast'], [1, -1, 1], countKeys),
  expire('expire', 1000, true),
  expire('pexpire', 1, true),
  expire('expireat', 1000, false),
  expire('pexpireat', 1, false),
  left('ttl', 1000),
  left('pttl', 1),
  keyed('persist', 2, ['write', 'fast'], persist),
  keyed('type', 2, ['readonly', 'fast'], typeOf),
  plain('keys', 2, ['readonly'], keysLike),
  plain('dbsize', 1, ['readonly', 'fast'], ({ session }) => integer(session.keyspace.size)),
  plain('flushdb', -1, ['write'], flush(false)),
  plain('flushall', -1, ['write'], flush(true)),
]
