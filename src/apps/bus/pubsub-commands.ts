import { byteText } from '../../wire/resp-buffer.ts'
import type { RespValue } from '../../wire/resp.ts'
import { matchesGlob } from './glob-pattern.ts'
import { plain, type RedisCall, type RedisCommand } from './redis-command.ts'
import { array, bulkText, CommandError, integer, NULL, wrongArity } from './redis-reply.ts'

type Kind = 'channels' | 'patterns'

function confirm({ session }: RedisCall, word: string, name: RespValue): void {
  session.push([bulkText(word), name, integer(session.channels.size + session.patterns.size)])
}

function subscribe(kind: Kind, word: string) {
  return (call: RedisCall): undefined => {
    for (const name of call.words.slice(1).map((bytes) => byteText(bytes))) {
      call.server.pubsub.add(kind, name, call.session)
      confirm(call, word, bulkText(name))
    }
    return undefined
  }
}

function unsubscribe(kind: Kind, word: string) {
  return (call: RedisCall): undefined => {
    const { session, server, words } = call
    const named = words.slice(1).map((bytes) => byteText(bytes))
    const names = named.length > 0 ? named : [...session[kind]]
    for (const name of names) {
      server.pubsub.remove(kind, name, session)
      confirm(call, word, bulkText(name))
    }
    if (names.length === 0) confirm(call, word, NULL)
    return undefined
  }
}

function publish({ server, session, words }: RedisCall): RespValue {
  const channel = byteText(words[1])
  const receivers = server.pubsub.publish(channel, words[2])
  session.record('redis:published', { channel, length: words[2].length, receivers })
  return integer(receivers)
}

function ask({ server, words }: RedisCall): RespValue {
  const { pubsub } = server
  const what = byteText(words[1]).toLowerCase()
  const names = words.slice(2).map((bytes) => byteText(bytes))
  switch (what) {
    case 'channels':
      if (names.length > 1) break
      return array(pubsub.channels.filter((name) => names.length === 0 || matchesGlob(names[0], name)).map(bulkText))
    case 'numsub':
      return array(names.flatMap((name) => [bulkText(name), integer(pubsub.countOf(name))]))
    case 'numpat':
      if (names.length > 0) throw wrongArity('pubsub|numpat')
      return integer(pubsub.patternCount)
  }
  throw new CommandError(`ERR unknown subcommand or wrong number of arguments for '${byteText(words[1])}'. Try PUBSUB HELP.`)
}

const FLAGS = ['pubsub', 'loading', 'stale'] as const

/** About what is said to whoever listens, and not kept. */
export const PUBSUB_COMMANDS: readonly RedisCommand[] = [
  plain('subscribe', -2, FLAGS, subscribe('channels', 'subscribe')),
  plain('unsubscribe', -1, FLAGS, unsubscribe('channels', 'unsubscribe')),
  plain('psubscribe', -2, FLAGS, subscribe('patterns', 'psubscribe')),
  plain('punsubscribe', -1, FLAGS, unsubscribe('patterns', 'punsubscribe')),
  plain('publish', 3, ['pubsub', 'loading', 'stale', 'fast'], publish),
  plain('pubsub', -2, ['pubsub', 'loading', 'stale'], ask),
]
