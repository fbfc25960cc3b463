import { MILLISECOND } from '../../kernel/time.ts'
import { byteText } from '../../wire/resp-buffer.ts'
import { textBytes } from '../../wire/resp-request.ts'
import type { RespValue } from '../../wire/resp.ts'
import { Blocked, keyed, plain, type DataCall, type DataCommand } from './redis-command.ts'
import {
  array,
  bulk,
  bulkText,
  CommandError,
  countWord,
  integer,
  NULL,
  NULL_ARRAY,
  optionWord,
  syntaxError,
  wrongArity,
} from './redis-reply.ts'
import {
  compareIds,
  formatId,
  GREATEST_ID,
  idAfter,
  idBefore,
  LEAST_ID,
  parseId,
  StreamValue,
  type StreamEntry,
  type StreamId,
} from './stream-value.ts'

interface Trimming {
  /** How many entries stay, or which is the oldest that stays. */
  readonly keep: number | StreamId
  readonly isExact: boolean
}

interface TrimOptions {
  readonly trimming: Trimming | undefined
  readonly isMaking: boolean
  /** Index of the first word behind them. */
  readonly next: number
}

/** Reads the options of XADD and XTRIM from the word `at` on. Throws CommandError. */
function trimOptions(words: readonly Uint8Array[], at: number, isAdding: boolean): TrimOptions {
  let trimming: Trimming | undefined
  let isMaking = true
  let hasLimit = false
  let i = at
  for (; i < words.length; i++) {
    const option = optionWord(words[i])
    if (isAdding && option === 'NOMKSTREAM') isMaking = false
    else if ((option === 'MAXLEN' || option === 'MINID') && i + 1 < words.length) {
      if (trimming !== undefined)
        throw new CommandError('ERR syntax error, MAXLEN and MINID options at the same time are not compatible')
      const sign = byteText(words[i + 1])
      const hasSign = (sign === '~' || sign === '=') && i + 2 < words.length
      i += hasSign ? 2 : 1
      trimming = { keep: option === 'MAXLEN' ? mostEntries(words[i]) : parseId(byteText(words[i]), 0), isExact: sign !== '~' }
    } else if (option === 'LIMIT' && i + 1 < words.length) {
      const limit = countWord(words[++i])
      if (limit < 0) throw new CommandError('ERR The LIMIT argument must be >= 0.')
      hasLimit = true
    } else if (isAdding) break
    else throw syntaxError()
  }
  if (hasLimit && trimming?.isExact !== false)
    throw new CommandError('ERR syntax error, LIMIT cannot be used without the special ~ option')
  return { trimming, isMaking, next: i }
}

function mostEntries(word: Uint8Array): number {
  const most = countWord(word)
  if (most < 0) throw new CommandError('ERR The MAXLEN argument must be >= 0.')
  return most
}

function trim(stream: StreamValue, { keep, isExact }: Trimming): number {
  return typeof keep === 'number' ? stream.trimToLength(keep, isExact) : stream.trimToId(keep, isExact)
}

/** The log repeats what was done, not what was asked for. */
function trimWords({ keep, isExact }: Trimming): Uint8Array[] {
  const what =
    typeof keep === 'number' ? ['MAXLEN', isExact ? '=' : '~', String(keep)] : ['MINID', isExact ? '=' : '~', formatId(keep)]
  return what.map(textBytes)
}

/** The id of a new entry. Throws CommandError. */
function newId({ server }: DataCall, word: Uint8Array, last: StreamId): StreamId {
  const text = byteText(word)
  const now = server.clock()
  if (text === '*') return now > last.ms ? { ms: now, seq: 0 } : idAfter(last)
  if (text.endsWith('-*')) {
    const { ms } = parseId(text.slice(0, -2), 0)
    if (ms === last.ms) return idAfter(last)
    if (ms < last.ms) throw tooSmall()
    return { ms, seq: 0 }
  }
  const id = parseId(text, 0)
  if (compareIds(id, LEAST_ID) === 0) throw new CommandError('ERR The ID specified in XADD must be greater than 0-0')
  if (compareIds(id, last) <= 0) throw tooSmall()
  return id
}

function tooSmall(): CommandError {
  return new CommandError('ERR The ID specified in XADD is equal or smaller than the target stream top item')
}

function append(call: DataCall): RespValue {
  const { server, session, words } = call
  const { trimming, isMaking, next } = trimOptions(words, 2, true)
  const fields = words.slice(next + 1)
  if (fields.length === 0 || fields.length % 2 !== 0) throw wrongArity('xadd')
  const key = byteText(words[1])
  const known = session.keyspace.stream(key)
  if (known === undefined && !isMaking) return NULL
  const stream = known ?? new StreamValue()
  const id = newId(call, words[next], stream.lastId)
  stream.append({ id, fields: fields.map((word) => word.slice()) })
  if (known === undefined) session.keyspace.set(key, stream, 0)
  if (trimming !== undefined) trim(stream, trimming)
  const name = formatId(id)
  server.changed(session, [words[0], words[1], ...(trimming ? trimWords(trimming) : []), textBytes(name), ...fields])
  server.streamChanged()
  return bulkText(name)
}

function trimStream({ server, session, words }: DataCall): RespValue {
  const { trimming } = trimOptions(words, 2, false)
  if (trimming === undefined) throw syntaxError()
  const stream = session.keyspace.stream(byteText(words[1]))
  const gone = stream === undefined ? 0 : trim(stream, trimming)
  if (gone > 0) server.changed(session, words)
  return integer(gone)
}

function entryReply({ id, fields }: StreamEntry): RespValue {
  return array([bulkText(formatId(id)), array(fields.map(bulk))])
}

/** One end of a range: `-`, `+`, an id, or `(` and an id that does not belong to it. Throws CommandError. */
function boundary(word: Uint8Array, isStart: boolean): StreamId {
  const text = byteText(word)
  if (text === '-') return LEAST_ID
  if (text === '+') return GREATEST_ID
  if (!text.startsWith('(')) return parseId(text, isStart ? 0 : Infinity)
  const id = parseId(text.slice(1), isStart ? 0 : Infinity)
  if (isStart) {
    if (compareIds(id, GREATEST_ID) === 0) throw new CommandError('ERR invalid start ID for the interval')
    return idAfter(id)
  }
  if (compareIds(id, LEAST_ID) === 0) throw new CommandError('ERR invalid end ID for the interval')
  return idBefore(id)
}

function range(isReversed: boolean) {
  return ({ session, words }: DataCall): RespValue => {
    const from = boundary(words[isReversed ? 3 : 2], true)
    const to = boundary(words[isReversed ? 2 : 3], false)
    let count = Infinity
    for (let i = 4; i < words.length; i += 2) {
      if (optionWord(words[i]) !== 'COUNT' || i + 1 >= words.length) throw syntaxError()
      count = Math.max(0, countWord(words[i + 1]))
    }
    const stream = session.keyspace.stream(byteText(words[1]))
    if (stream === undefined) return array([])
    if (words.length > 4 && count === 0) return NULL_ARRAY
    return array(stream.range(from, to, count, isReversed).map(entryReply))
  }
}

interface Reading {
  readonly key: string
  readonly after: StreamId
}

function read(call: DataCall): RespValue | Blocked {
  const { session, words } = call
  let count = Infinity
  let timeout = -1
  let at = 1
  for (; at < words.length; at++) {
    const option = optionWord(words[at])
    if (option === 'STREAMS') break
    if (at + 1 >= words.length) throw syntaxError()
    if (option === 'COUNT') count = countWord(words[++at])
    else if (option === 'BLOCK') {
      timeout = countWord(words[++at], 'ERR timeout is not an integer or out of range')
      if (timeout < 0) throw new CommandError('ERR timeout is negative')
    } else throw syntaxError()
  }
  if (count <= 0) count = Infinity
  const names = words.slice(at + 1)
  if (at >= words.length) throw syntaxError()
  if (names.length === 0 || names.length % 2 !== 0)
    throw new CommandError("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.")
  const { keyspace } = session
  const half = names.length / 2
  const readings = names.slice(0, half).map((word, i): Reading => {
    const key = byteText(word)
    const id = byteText(names[half + i])
    const stream = keyspace.stream(key)
    return { key, after: id === '$' ? (stream?.lastId ?? LEAST_ID) : parseId(id, 0) }
  })
  const retry = (): RespValue | undefined => {
    const found: (readonly [RespValue, RespValue])[] = []
    for (const { key, after } of readings) {
      const entries = keyspace.stream(key)?.range(idAfter(after), GREATEST_ID, count) ?? []
      if (entries.length > 0) found.push([bulkText(key), array(entries.map(entryReply))])
    }
    if (found.length === 0) return undefined
    return session.protocol === 3 ? { type: 'map', entries: found } : array(found.map(array))
  }
  return retry() ?? (timeout < 0 ? NULL_ARRAY : new Blocked(timeout * MILLISECOND, retry, NULL_ARRAY))
}

function deleteEntries({ server, session, words }: DataCall): RespValue {
  const ids = words.slice(2).map((word) => parseId(byteText(word), 0))
  const stream = session.keyspace.stream(byteText(words[1]))
  const gone = ids.filter((id) => stream?.remove(id) === true).length
  if (gone > 0) server.changed(session, words)
  return integer(gone)
}

function setLastId({ server, session, words }: DataCall): RespValue {
  const stream = session.keyspace.stream(byteText(words[1]))
  if (stream === undefined) throw new CommandError('ERR no such key')
  const id = parseId(byteText(words[2]), 0)
  const newest = stream.range(LEAST_ID, GREATEST_ID, 1, true).at(0)
  if (newest !== undefined && compareIds(id, newest.id) < 0)
    throw new CommandError('ERR The ID specified in XSETID is smaller than the target stream top item')
  stream.lastId = id
  server.changed(session, words)
  return { type: 'string', value: 'OK' }
}

/** About streams. */
export const STREAM_COMMANDS: readonly DataCommand[] = [
  keyed('xadd', -5, ['write', 'denyoom', 'fast'], append),
  keyed('xtrim', -4, ['write'], trimStream),
  keyed('xlen', 2, ['readonly', 'fast'], ({ session, words }) =>
    integer(session.keyspace.stream(byteText(words[1]))?.length ?? 0),
  ),
  keyed('xrange', -4, ['readonly'], range(false)),
  keyed('xrevrange', -4, ['readonly'], range(true)),
  plain('xread', -4, ['readonly', 'blocking'], read),
  keyed('xdel', -3, ['write', 'fast'], deleteEntries),
  keyed('xsetid', -3, ['write', 'denyoom', 'fast'], setLastId),
]
