import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TCP_INPUTS, TCP_STATES, TCP_TRANSITIONS, type TcpState } from '../../../src/protocols/tcp/state.ts'
import type { Solo } from './solo.ts'
import { ACK, BARE, FIN, PSH, RST, soloIn, SYN, URG } from './solo.ts'

const FULL = { mss: 1000 }
const LATE = 10_000_000_000_000

/** All that the table allows, as `'FROM input TO'`. */
const ALLOWED = new Set(
  TCP_STATES.flatMap((from) => Object.entries(TCP_TRANSITIONS[from]).map(([input, to]) => `${from} ${input} ${to}`)),
)

const seen = new Set<string>()

/** Holds what a connection did against the table, and that it goes on to work. */
function check(solo: Solo, what: string): void {
  let state = solo.connection.block.passive ? 'LISTEN' : 'CLOSED'
  const transitions = solo.transitions()
  for (const transition of transitions) {
    if (transition.includes('-open')) {
      seen.add(transition)
      if (transition.includes('active-open')) state = 'SYN-SENT'
      continue
    }
    assert.ok(ALLOWED.has(transition), `${what}: ${transition}`)
    assert.ok(transition.startsWith(`${state} `), `${what}: ${transition} from ${state}`)
    state = transition.slice(transition.lastIndexOf(' ') + 1)
    seen.add(transition)
  }
  assert.equal(solo.state, state, what)
  // Whatever it is: left alone, it comes to rest.
  for (let i = 0; solo.connection.pollTimeout() !== undefined; i++) {
    assert.ok(i < 100, `${what}: timers run for ever`)
    const { block } = solo.connection
    // A peer that shuts its window and falls silent after that is given up, too.
    solo.timeout()
    assert.ok(block.sndUna <= block.sndNxt && block.sndNxt <= block.sndMax, what)
  }
  for (const transition of solo.transitions().slice(transitions.length)) {
    assert.ok(ALLOWED.has(transition), `${what}, later: ${transition}`)
    seen.add(transition)
  }
}

test('every state, every kind of segment: nothing throws, every move is in the table, and all comes to rest', () => {
  let cases = 0
  for (const config of [BARE, FULL]) {
    for (const state of TCP_STATES) {
      const probe = soloIn(state, config).connection.block
      const { rcvNxt, rcvAdv, sndUna, sndNxt } = probe
      const seqs = new Set([rcvNxt - 1000, rcvNxt - 1, rcvNxt, rcvNxt + 1, rcvAdv - 1, rcvAdv, rcvAdv + 2 ** 30])
      const acks = new Set([sndUna - 2 ** 30, sndUna - 1, sndUna, sndUna + 1, sndNxt, sndNxt + 1, sndNxt + 2 ** 30])
      for (const flags of [0, SYN, FIN, RST, ACK, SYN | FIN].flatMap((x) => [x, x | ACK, x | RST | ACK, x | URG | PSH])) {
        for (const seq of seqs) {
          for (const ack of (flags & ACK) === 0 ? [0] : acks) {
            for (const length of [0, 1, 3000]) {
              const solo = soloIn(state, config)
              const what = `${state} flags ${String(flags)} seq ${String(seq)} ack ${String(ack)} length ${String(length)}`
              assert.equal(solo.state, state)
              const timestamp = config === FULL ? ([2, solo.lastSegment.tsVal] as const) : undefined
              const given = { flags, seq, ack, payload: new Uint8Array(length), window: length === 1 ? 0 : 10_000 }
              assert.doesNotThrow(() => solo.give(timestamp === undefined ? given : { ...given, timestamp }), what)
              check(solo, what)
              cases++
            }
          }
        }
      }
    }
  }
  assert.ok(cases > 10_000)
})

test('every state, every command and every ICMP error: only misuse throws', () => {
  const commands: Record<string, (solo: Solo) => void> = {
    connect: (solo) => {
      solo.connection.connect(solo.now)
    },
    send: (solo) => solo.connection.send(new Uint8Array(10)),
    read: (solo) => solo.connection.read(),
    shutdown: (solo) => {
      solo.connection.shutdown(solo.now)
    },
    close: (solo) => {
      solo.connection.close(solo.now)
    },
    abort: (solo) => {
      solo.connection.abort(solo.now)
    },
    noDelay: (solo) => {
      solo.connection.setNoDelay(true)
    },
    early: (solo) => {
      solo.connection.handleTimeout(solo.now)
    },
    late: (solo) => {
      solo.connection.handleTimeout((solo.now += LATE))
    },
    ...Object.fromEntries(
      Array.from({ length: 16 }, (_, code) => [
        `unreachable ${String(code)}`,
        (solo: Solo) => {
          solo.connection.handleUnreachable(code, solo.now)
        },
      ]),
    ),
  }
  const finishing = new Set<TcpState>(['FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSING', 'LAST-ACK'])
  for (const state of TCP_STATES) {
    for (const [name, command] of Object.entries(commands)) {
      for (const second of Object.keys(commands)) {
        const solo = soloIn(state)
        const misuse = (name === 'connect' && state !== 'CLOSED') || (name === 'send' && finishing.has(state))
        const what = `${state}: ${name}, then ${second}`
        if (misuse)
          assert.throws(
            () => {
              command(solo)
            },
            Error,
            what,
          )
        else
          assert.doesNotThrow(() => {
            command(solo)
          }, what)
        solo.drain()
        try {
          commands[second](solo)
        } catch (error) {
          assert.ok(second === 'connect' || second === 'send', `${what}: ${String(error)}`)
        }
        solo.drain()
        solo.give({ flags: FIN | ACK })
        check(solo, what)
      }
    }
  }
})

test('every transition of the table can happen', () => {
  // Moves that take two ends, or a particular past.
  const listener = soloIn('LISTEN')
  listener.connection.shutdown(0)
  check(listener, 'LISTEN, shutdown')
  const missing = [...ALLOWED].filter((transition) => !seen.has(transition))
  assert.deepEqual(missing, [])
})

test('every input of the table is explained, and used', () => {
  const used = new Set(TCP_STATES.flatMap((state) => Object.keys(TCP_TRANSITIONS[state])))
  assert.deepEqual([...used].sort(), Object.keys(TCP_INPUTS).sort())
})

test('the eleven states of RFC 9293 section 3.3.2 can all be reached from CLOSED, and all lead back to it', () => {
  assert.equal(TCP_STATES.length, 11)
  const reach = (start: TcpState): Set<TcpState> => {
    const found = new Set<TcpState>([start])
    for (const state of found) for (const next of Object.values(TCP_TRANSITIONS[state])) found.add(next)
    return found
  }
  assert.equal(reach('CLOSED').size, 11)
  for (const state of TCP_STATES) assert.ok(reach(state).has('CLOSED'), state)
})
