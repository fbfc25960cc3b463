import { byteText } from '../../wire/resp-buffer.ts'
import type { RespValue } from '../../wire/resp.ts'
import { FSYNC_POLICIES } from '../../scenario/bus-options.ts'
import { matchesGlob } from './glob-pattern.ts'
import { plain, type CommandServer, type RedisCall, type RedisCommand } from './redis-command.ts'
import { array, bulkText, CommandError, integer, NULL_ARRAY, OK, wrongArity } from './redis-reply.ts'
import { REDIS_VERSION } from './session-commands.ts'

type Facts = Readonly<Record<string, string | number>>

function serverFacts({ options, uptime }: CommandServer): Facts {
  return {
    redis_version: REDIS_VERSION,
    redis_mode: 'standalone',
    os: 'Packetarium',
    tcp_port: options.port,
    uptime_in_seconds: uptime,
    uptime_in_days: Math.floor(uptime / 86_400),
  }
}

function clientFacts({ sessions, options }: CommandServer): Facts {
  let pubsub = 0
  let blocked = 0
  for (const session of sessions) {
    if (session.isSubscriber) pubsub++
    if (session.isBlocked) blocked++
  }
  return { connected_clients: sessions.size, maxclients: options.maxClients, blocked_clients: blocked, pubsub_clients: pubsub }
}

function persistenceFacts({ log }: CommandServer): Facts {
  if (log === undefined) return { loading: 0, aof_enabled: 0 }
  return { loading: 0, aof_enabled: 1, aof_current_size: log.length, aof_buffer_length: log.waiting }
}

function statistics({ statistics: counts, pubsub }: CommandServer): Facts {
  return {
    total_connections_received: counts.connections,
    total_commands_processed: counts.commands,
    rejected_connections: counts.rejected,
    client_output_buffer_limit_disconnections: counts.outputLimit,
    pubsub_channels: pubsub.channels.length,
    pubsub_patterns: pubsub.patternCount,
    total_error_replies: counts.errors,
  }
}

function memoryFacts(server: CommandServer): Facts {
  return { used_memory: server.memory, maxmemory: server.options.maxMemory, maxmemory_policy: 'noeviction' }
}

function keyspaceFacts({ databases }: CommandServer): Facts {
  const used = databases.flatMap((keyspace, i): [string, string][] => {
    const { size } = keyspace
    return size === 0 ? [] : [[`db${String(i)}`, `keys=${String(size)},expires=${String(keyspace.volatile)},avg_ttl=0`]]
  })
  return Object.fromEntries(used)
}

const SECTIONS: readonly (readonly [title: string, facts: (server: CommandServer) => Facts])[] = [
  ['Server', serverFacts],
  ['Clients', clientFacts],
  ['Memory', memoryFacts],
  ['Persistence', persistenceFacts],
  ['Stats', statistics],
  ['Replication', () => ({ role: 'master', connected_slaves: 0 })],
  ['Keyspace', keyspaceFacts],
]

function info({ server, session, words }: RedisCall): RespValue {
  const wanted = new Set(words.slice(1).map((word) => byteText(word).toLowerCase()))
  const isAll = wanted.size === 0 || ['all', 'default', 'everything'].some((name) => wanted.has(name))
  const texts = SECTIONS.filter(([title]) => isAll || wanted.has(title.toLowerCase())).map(([title, facts]) => {
    const lines = Object.entries(facts(server)).map(([name, value]) => `${name}:${String(value)}\r\n`)
    return `# ${title}\r\n${lines.join('')}`
  })
  const text = bulkText(texts.join('\r\n'))
  return session.protocol === 3 && text.type === 'bulk' ? { type: 'verbatim', format: 'txt', value: text.value } : text
}

function aboutCommand({ name, arity, flags, keys }: RedisCommand): RespValue {
  const words = flags.map((flag): RespValue => ({ type: 'string', value: flag === 'noauth' ? 'no_auth' : flag }))
  const nothing = array([])
  return array([
    bulkText(name),
    integer(arity),
    { type: 'set', items: words },
    ...keys.map((key) => integer(key)),
    { type: 'set', items: [] },
    nothing,
    nothing,
    nothing,
  ])
}

function command(call: RedisCall): RespValue {
  const { server, words } = call
  const { commands } = server
  const what = words.length > 1 ? byteText(words[1]).toLowerCase() : ''
  const names = words.slice(2).map((word) => byteText(word).toLowerCase())
  const chosen = names.length > 0 ? names.map((name) => commands.get(name)) : [...commands.values()]
  switch (what) {
    case '':
    case 'info':
      return array(chosen.map((each) => (each === undefined ? NULL_ARRAY : aboutCommand(each))))
    case 'count':
      return integer(commands.size)
    case 'list':
      return array([...commands.keys()].map(bulkText))
    case 'docs': {
      const docs = chosen.flatMap((each) => {
        if (each === undefined) return []
        const about = { type: 'map', entries: [[bulkText('summary'), bulkText('')]] } as const
        return [[bulkText(each.name), about] as const]
      })
      return { type: 'map', entries: docs }
    }
    default:
      throw new CommandError(`ERR unknown subcommand '${byteText(words[1])}'. Try COMMAND HELP.`)
  }
}

function settings({ options, log }: CommandServer): Readonly<Record<string, string>> {
  const { hard, soft, softTime } = options.outputLimit
  return {
    appendonly: log === undefined ? 'no' : 'yes',
    appendfsync: log?.policy ?? 'everysec',
    'client-output-buffer-limit': `normal 0 0 0 slave 0 0 0 pubsub ${String(hard)} ${String(soft)} ${String(softTime / 1e9)}`,
    databases: '16',
    maxclients: String(options.maxClients),
    maxmemory: String(options.maxMemory),
    'maxmemory-policy': 'noeviction',
    port: String(options.port),
    save: '',
    timeout: '0',
  }
}

function config({ server, words }: RedisCall): RespValue {
  const what = byteText(words[1]).toLowerCase()
  const texts = words.slice(2).map((word) => byteText(word).toLowerCase())
  const known = settings(server)
  if (what === 'get') {
    if (texts.length === 0) throw wrongArity('config|get')
    const found = Object.entries(known).filter(([name]) => texts.some((pattern) => matchesGlob(pattern, name)))
    return { type: 'map', entries: found.map(([name, value]) => [bulkText(name), bulkText(value)] as const) }
  }
  if (what === 'set') {
    const [name, value] = texts
    if (texts.length < 2) throw wrongArity('config|set')
    const policy = FSYNC_POLICIES.find((each) => each === value)
    if (name === 'appendfsync' && policy !== undefined) {
      server.setFsync(policy)
      return OK
    }
    if (!Object.hasOwn(known, name))
      throw new CommandError(`ERR Unknown option or number of arguments for CONFIG SET - '${name}'`)
    throw new CommandError(`ERR CONFIG SET failed (possibly related to argument '${name}') - can't set immutable config`)
  }
  throw new CommandError(`ERR unknown subcommand '${byteText(words[1])}'. Try CONFIG HELP.`)
}

function time({ server }: RedisCall): RespValue {
  const now = server.clock()
  return array([bulkText(String(Math.floor(now / 1000))), bulkText(String((now % 1000) * 1000))])
}

function rewrite({ server }: RedisCall): RespValue {
  if (server.log === undefined) throw new CommandError('ERR there is no append only file')
  server.rewriteLog()
  return { type: 'string', value: 'Background append only file rewriting started' }
}

/** About the server. */
export const SERVER_COMMANDS: readonly RedisCommand[] = [
  plain('info', -1, ['loading', 'stale'], info),
  plain('command', -1, ['loading', 'stale'], command),
  plain('config', -2, ['admin', 'loading', 'stale'], config),
  plain('time', 1, ['loading', 'stale', 'fast'], time),
  plain('bgrewriteaof', 1, ['admin'], rewrite),
]
