import { byteText } from '../../wire/resp-buffer.ts'
import { textBytes } from '../../wire/resp-request.ts'
import type { RespValue } from '../../wire/resp.ts'
import { keyed, manyKeyed, type DataCall, type DataCommand } from './redis-command.ts'
import {
  array,
  bulk,
  CommandError,
  countWord,
  integer,
  integerWord,
  NULL,
  OK,
  optionWord,
  syntaxError,
  wrongArity,
} from './redis-reply.ts'

function valueAt({ session, words }: DataCall): Uint8Array | undefined {
  return session.keyspace.bytes(byteText(words[1]))
}

function orNull(value: Uint8Array | undefined): RespValue {
  return value === undefined ? NULL : bulk(value)
}

/** Units of the options of SET that say when, in milliseconds, and whether from now on. */
const EXPIRIES: Readonly<Record<string, readonly [unit: number, isRelative: boolean]>> = {
  EX: [1000, true],
  PX: [1, true],
  EXAT: [1000, false],
  PXAT: [1, false],
}

/** When a key expires, in milliseconds since 1970. Throws CommandError. */
function expiryOf({ server }: DataCall, command: string, option: string, word: Uint8Array): number {
  const [unit, isRelative] = EXPIRIES[option]
  const value = countWord(word)
  const at = value * unit + (isRelative ? server.clock() : 0)
  if (value <= 0 || at > Number.MAX_SAFE_INTEGER) throw new CommandError(`ERR invalid expire time in '${command}' command`)
  return at
}

interface SetOptions {
  expires: number | undefined
  condition: '' | 'NX' | 'XX'
  isGetting: boolean
}

function setOptions(call: DataCall): SetOptions {
  const { words } = call
  const options: SetOptions = { expires: 0, condition: '', isGetting: false }
  let timing = ''
  for (let i = 3; i < words.length; i++) {
    const option = optionWord(words[i])
    if (option === 'NX' || option === 'XX') {
      if (options.condition !== '' && options.condition !== option) throw syntaxError()
      options.condition = option
    } else if (option === 'GET') options.isGetting = true
    else if (option === 'KEEPTTL' && timing === '') {
      timing = option
      options.expires = undefined
    } else if (Object.hasOwn(EXPIRIES, option) && timing === '' && i + 1 < words.length) {
      timing = option
      options.expires = expiryOf(call, 'set', option, words[++i])
    } else throw syntaxError()
  }
  return options
}

/** Puts a value in place, and the log. */
function store({ session, server, words }: DataCall, value: Uint8Array, expires: number | undefined): void {
  const [, key] = words
  session.keyspace.set(byteText(key), value.slice(), expires)
  const when =
    expires === undefined ? [textBytes('KEEPTTL')] : expires === 0 ? [] : [textBytes('PXAT'), textBytes(String(expires))]
  server.changed(session, [textBytes('SET'), key, value, ...when])
}

function set(call: DataCall): RespValue {
  const { words } = call
  const { expires, condition, isGetting } = setOptions(call)
  const before = isGetting ? valueAt(call) : undefined
  const exists = call.session.keyspace.get(byteText(words[1])) !== undefined
  if ((condition === 'NX' && exists) || (condition === 'XX' && !exists)) return isGetting ? orNull(before) : NULL
  store(call, words[2], expires)
  return isGetting ? orNull(before) : OK
}

function setExpiring(option: 'EX' | 'PX', command: string) {
  return (call: DataCall): RespValue => {
    store(call, call.words[3], expiryOf(call, command, option, call.words[2]))
    return OK
  }
}

function add(call: DataCall, amount: bigint): RespValue {
  const value = valueAt(call)
  const sum = (value === undefined ? 0n : BigInt(integerWord(value))) + amount
  if (BigInt.asIntN(64, sum) !== sum) throw new CommandError('ERR increment or decrement would overflow')
  store(call, textBytes(String(sum)), undefined)
  return integer(sum >= -9007199254740991n && sum <= 9007199254740991n ? Number(sum) : sum)
}

function decreaseBy(call: DataCall): RespValue {
  const amount = BigInt(integerWord(call.words[2]))
  if (amount === -(2n ** 63n)) throw new CommandError('ERR decrement would overflow')
  return add(call, -amount)
}

function append(call: DataCall): RespValue {
  const before = valueAt(call) ?? new Uint8Array(0)
  const [, , more] = call.words
  const all = new Uint8Array(before.length + more.length)
  all.set(before)
  all.set(more, before.length)
  store(call, all, undefined)
  return integer(all.length)
}

function setMany(call: DataCall): RespValue {
  const { words } = call
  if (words.length % 2 === 0) throw wrongArity('mset')
  for (let i = 1; i < words.length; i += 2) store({ ...call, words: [words[0], words[i]] }, words[i + 1], 0)
  return OK
}

function getMany({ session, words }: DataCall): RespValue {
  return array(
    words.slice(1).map((word) => {
      const value = session.keyspace.get(byteText(word))
      return value instanceof Uint8Array ? bulk(value) : NULL
    }),
  )
}

function getAndDelete(call: DataCall): RespValue {
  const value = valueAt(call)
  if (value === undefined) return NULL
  call.session.keyspace.delete(byteText(call.words[1]))
  call.server.changed(call.session, [textBytes('DEL'), call.words[1]])
  return bulk(value)
}

function setIfNew(call: DataCall): RespValue {
  if (call.session.keyspace.get(byteText(call.words[1])) !== undefined) return integer(0)
  store(call, call.words[2], 0)
  return integer(1)
}

const WRITE = ['write', 'denyoom', 'fast'] as const
const READ = ['readonly', 'fast'] as const

/** About values that are strings of bytes. */
export const STRING_COMMANDS: readonly DataCommand[] = [
  keyed('get', 2, READ, (call) => orNull(valueAt(call))),
  keyed('set', -3, ['write', 'denyoom'], set),
  keyed('setex', 4, ['write', 'denyoom'], setExpiring('EX', 'setex')),
  keyed('psetex', 4, ['write', 'denyoom'], setExpiring('PX', 'psetex')),
  keyed('setnx', 3, WRITE, setIfNew),
  keyed('getdel', 2, ['write', 'fast'], getAndDelete),
  keyed('append', 3, WRITE, append),
  keyed('strlen', 2, READ, (call) => integer(valueAt(call)?.length ?? 0)),
  keyed('incr', 2, WRITE, (call) => add(call, 1n)),
  keyed('decr', 2, WRITE, (call) => add(call, -1n)),
  keyed('incrby', 3, WRITE, (call) => add(call, BigInt(integerWord(call.words[2])))),
  keyed('decrby', 3, WRITE, decreaseBy),
  manyKeyed('mget', -2, READ, [1, -1, 1], getMany),
  manyKeyed('mset', -3, ['write', 'denyoom'], [1, -1, 2], setMany),
]
