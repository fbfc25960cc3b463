import { byteText } from '../../wire/resp-buffer.ts'
import type { RespValue } from '../../wire/resp.ts'
import { plain, type CommandSession, type RedisCall, type RedisCommand } from './redis-command.ts'
import {
  array,
  bulk,
  bulkText,
  CommandError,
  countWord,
  integer,
  NULL,
  OK,
  optionWord,
  syntaxError,
  wrongArity,
} from './redis-reply.ts'

/** Which Redis this one is like. */
export const REDIS_VERSION = '7.0.15'

function ping({ session, words }: RedisCall): RespValue {
  if (words.length > 2) throw wrongArity('ping')
  const [, word] = words
  if (session.isSubscriber && session.protocol === 2)
    return array([bulkText('pong'), word === undefined ? bulkText('') : bulk(word)])
  return word === undefined ? { type: 'string', value: 'PONG' } : bulk(word)
}

const NO_PASSWORD =
  'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?'

/** Throws CommandError. */
function authenticate({ server, session }: RedisCall, user: string, password: string): void {
  if (user !== 'default' || (server.options.password !== '' && password !== server.options.password))
    throw new CommandError('WRONGPASS invalid username-password pair or user is disabled.')
  session.authenticated()
}

function auth(call: RedisCall): RespValue {
  const { words, server } = call
  if (words.length > 3) throw syntaxError()
  if (words.length === 2 && server.options.password === '') throw new CommandError(NO_PASSWORD)
  const texts = words.map((word) => byteText(word))
  if (words.length === 2) authenticate(call, 'default', texts[1])
  else authenticate(call, texts[1], texts[2])
  return OK
}

function checkedName(word: Uint8Array): string {
  const name = byteText(word)
  if (/[^!-~]/.test(name)) throw new CommandError('ERR Client names cannot contain spaces, newlines or special characters.')
  return name
}

function protocolWord(word: Uint8Array): 2 | 3 {
  const version = countWord(word, 'ERR Protocol version is not an integer or out of range')
  if (version !== 2 && version !== 3) throw new CommandError('NOPROTO unsupported protocol version')
  return version
}

function hello(call: RedisCall): RespValue {
  const { session, words } = call
  const protocol = words.length > 1 ? protocolWord(words[1]) : session.protocol
  let name: string | undefined
  for (let i = 2; i < words.length; i++) {
    const option = optionWord(words[i])
    if (option === 'AUTH' && i + 2 < words.length) {
      authenticate(call, byteText(words[i + 1]), byteText(words[i + 2]))
      i += 2
    } else if (option === 'SETNAME' && i + 1 < words.length) name = checkedName(words[++i])
    else throw new CommandError(`ERR Syntax error in HELLO option '${byteText(words[i])}'`)
  }
  if (!session.isAuthenticated)
    throw new CommandError(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    )
  if (name !== undefined) session.name = name
  session.protocol = protocol
  const about: Readonly<Record<string, RespValue>> = {
    server: bulkText('redis'),
    version: bulkText(REDIS_VERSION),
    proto: integer(protocol),
    id: integer(session.id),
    mode: bulkText('standalone'),
    role: bulkText('master'),
    modules: array([]),
  }
  session.record('redis:client-introduced', { client: session.id, name: session.name, protocol })
  return { type: 'map', entries: Object.entries(about).map(([key, value]) => [bulkText(key), value] as const) }
}

function select({ session, server, words }: RedisCall): RespValue {
  const index = countWord(words[1])
  if (index < 0 || index >= server.databases.length) throw new CommandError('ERR DB index is out of range')
  session.database = index
  return OK
}

function clientLine(session: CommandSession): string {
  const { id, address, localAddress, name, database, channels, patterns, protocol, outputBytes } = session
  const flags = session.isSubscriber ? 'P' : 'N'
  const parts = [`id=${String(id)}`, `addr=${address}`, `laddr=${localAddress}`, `fd=${String(id + 7)}`, `name=${name}`]
  parts.push(`age=${String(session.age)}`, 'idle=0', `flags=${flags}`, `db=${String(database)}`)
  parts.push(`sub=${String(channels.size)}`, `psub=${String(patterns.size)}`, `ssub=0`, 'multi=-1', `omem=${String(outputBytes)}`)
  return `${parts.join(' ')} cmd=${session.lastCommand} user=default redir=-1 resp=${String(protocol)}`
}

function reply({ session, words }: RedisCall): RespValue | undefined {
  const how = optionWord(words[2])
  if (how !== 'ON' && how !== 'OFF' && how !== 'SKIP') throw syntaxError()
  session.replies = how === 'SKIP' && session.replies === 'OFF' ? 'OFF' : how
  return how === 'ON' ? OK : undefined
}

interface Subcommand {
  /** With both names. */
  readonly arity: number
  readonly run: (call: RedisCall) => RespValue | undefined
}

const ABOUT_CLIENTS: Readonly<Record<string, Subcommand>> = {
  id: { arity: 2, run: ({ session }) => integer(session.id) },
  getname: { arity: 2, run: ({ session }) => (session.name === '' ? NULL : bulkText(session.name)) },
  setname: {
    arity: 3,
    run: ({ session, words }) => {
      session.name = checkedName(words[2])
      return OK
    },
  },
  info: { arity: 2, run: ({ session }) => bulkText(`${clientLine(session)}\n`) },
  list: { arity: -2, run: ({ server }) => bulkText([...server.sessions].map((each) => `${clientLine(each)}\n`).join('')) },
  reply: { arity: 3, run: reply },
}

function client(call: RedisCall): RespValue | undefined {
  const { words } = call
  const name = byteText(words[1]).toLowerCase()
  if (!Object.hasOwn(ABOUT_CLIENTS, name))
    throw new CommandError(`ERR unknown subcommand '${byteText(words[1])}'. Try CLIENT HELP.`)
  const { arity, run } = ABOUT_CLIENTS[name]
  if (arity > 0 ? words.length !== arity : words.length < -arity) throw wrongArity(`client|${name}`)
  return run(call)
}

function reset({ server, session }: RedisCall): RespValue {
  server.pubsub.removeAll(session)
  session.reset()
  return { type: 'string', value: 'RESET' }
}

function quit({ session }: RedisCall): RespValue {
  session.endsSoon = true
  return OK
}

/** About the connection itself. */
export const SESSION_COMMANDS: readonly RedisCommand[] = [
  plain('ping', -1, ['fast'], ping),
  plain('echo', 2, ['fast'], ({ words }) => bulk(words[1])),
  plain('auth', -2, ['noauth', 'loading', 'stale', 'fast'], auth),
  plain('hello', -1, ['noauth', 'loading', 'stale', 'fast'], hello),
  plain('select', 2, ['loading', 'stale', 'fast'], select),
  plain('client', -2, ['loading', 'stale'], client),
  plain('reset', 1, ['noauth', 'loading', 'stale', 'fast'], reset),
  plain('quit', -1, ['noauth', 'loading', 'stale', 'fast'], quit),
]
