import { hkdfExpandLabel } from '../crypto/hkdf.ts'
import type { TransportParameters } from '../wire/quic/transport-parameters.ts'
import { qlogApplicationError, qlogToken, qlogTransportError, type QlogData } from './qlog-frames.ts'
import type { EventData, Nanos } from './record.ts'
import { bytesOf, hexOf } from './tls-secrets.ts'

/** An event of qlog, without its time: name and data. */
export type QlogSaying = readonly [name: string, data: QlogData]

const SPACES: Readonly<Record<string, string>> = { initial: 'initial', handshake: 'handshake', application: 'application_data' }
const LOSS_TYPES: Readonly<Record<string, string>> = { initial: 'initial', handshake: 'handshake', application: '1RTT' }
const LOSS_TRIGGERS: Readonly<Record<string, string>> = {
  'packet-threshold': 'reordering_threshold',
  'time-threshold': 'time_threshold',
  'probe-timeout': 'pto_expired',
}
const KEY_TYPES: Readonly<Record<string, string>> = {
  CLIENT_EARLY_TRAFFIC_SECRET: 'client_0rtt_secret',
  CLIENT_HANDSHAKE_TRAFFIC_SECRET: 'client_handshake_secret',
  SERVER_HANDSHAKE_TRAFFIC_SECRET: 'server_handshake_secret',
  CLIENT_TRAFFIC_SECRET_0: 'client_1rtt_secret',
  SERVER_TRAFFIC_SECRET_0: 'server_1rtt_secret',
}

const NOTHING = new Uint8Array(0)

function text(data: EventData, key: string): string {
  const value = data[key]
  return typeof value === 'string' ? value : ''
}

function number(data: EventData, key: string): number {
  const value = data[key]
  return typeof value === 'number' ? value : 0
}

/** Times are milliseconds there. */
export function milliseconds(time: Nanos): number {
  return time / 1e6
}

/** `'10.0.0.1:443'` or `'[2001:db8::1]:443'`, taken apart. */
function endOf(words: string): { readonly address: string; readonly port: number } {
  const at = words.lastIndexOf(':')
  return { address: words.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(words.slice(at + 1)) }
}

/** What transport parameters say: draft-ietf-quic-qlog-quic-events-01 section 3.3.3. */
export function qlogParameters(owner: 'local' | 'remote', said: TransportParameters): QlogSaying {
  const id = (name: string, bytes: Uint8Array | undefined): QlogData => (bytes === undefined ? {} : { [name]: hexOf(bytes) })
  return [
    'transport:parameters_set',
    {
      owner,
      ...id('original_destination_connection_id', said.originalDestinationConnectionId),
      ...id('initial_source_connection_id', said.initialSourceConnectionId),
      ...id('retry_source_connection_id', said.retrySourceConnectionId),
      ...(said.statelessResetToken && { stateless_reset_token: qlogToken('stateless_reset', said.statelessResetToken) }),
      disable_active_migration: said.disableActiveMigration,
      max_idle_timeout: said.maxIdleTimeout,
      max_udp_payload_size: said.maxUdpPayloadSize,
      ack_delay_exponent: said.ackDelayExponent,
      max_ack_delay: said.maxAckDelay,
      active_connection_id_limit: said.activeConnectionIdLimit,
      initial_max_data: said.initialMaxData,
      initial_max_stream_data_bidi_local: said.initialMaxStreamDataBidiLocal,
      initial_max_stream_data_bidi_remote: said.initialMaxStreamDataBidiRemote,
      initial_max_stream_data_uni: said.initialMaxStreamDataUni,
      initial_max_streams_bidi: said.initialMaxStreamsBidi,
      initial_max_streams_uni: said.initialMaxStreamsUni,
    },
  ]
}

function closed(data: EventData): QlogSaying {
  const [error, whose, detail] = [text(data, 'error'), text(data, 'whose'), text(data, 'detail')]
  const code = number(data, 'code')
  const isApplication = text(data, 'space') === 'application'
  const owner = whose === 'local' || whose === 'peer' ? { owner: whose === 'local' ? 'local' : 'remote' } : {}
  if (error === '') return ['connectivity:connection_closed', { trigger: 'clean' }]
  if (error === 'STATELESS_RESET') return ['connectivity:connection_closed', { owner: 'remote', trigger: 'stateless_reset' }]
  if (whose === 'network') {
    const trigger = /idle/i.test(error) ? 'idle_timeout' : /handshake/i.test(error) ? 'handshake_timeout' : 'error'
    return ['connectivity:connection_closed', { reason: detail, trigger }]
  }
  const which = isApplication ? { application_code: qlogApplicationError(code) } : { connection_code: qlogTransportError(code) }
  return [
    'connectivity:connection_closed',
    { ...owner, ...which, reason: detail, trigger: isApplication ? 'application' : 'error' },
  ]
}

/** What one end of a connection recorded, as qlog says it. Takes in its events in their order. */
export class QlogEvents {
  private state: string | undefined
  private congestion: string | undefined
  private metrics: QlogData = {}
  /** By end: its traffic secret for 1-RTT packets in the newest key phase, and which phase that is. */
  private readonly secrets = new Map<string, { readonly secret: Uint8Array; readonly generation: number }>()

  /** @returns nothing for what qlog has no event for */
  take(name: string, data: EventData): readonly QlogSaying[] {
    switch (name) {
      case 'quic:connection-started':
        return [this.started(data), ...this.moved('attempted')]
      case 'quic:handshake-done':
        return this.moved('handshake_complete')
      case 'quic:handshake-confirmed':
        return this.moved('handshake_confirmed')
      case 'quic:draining':
        return this.moved('draining')
      case 'quic:closed':
        return [closed(data), ...this.moved('closed')]
      case 'quic:metrics-updated':
        return this.measured(data)
      case 'quic:congestion-state-updated': {
        const old = this.congestion
        this.congestion = text(data, 'state')
        return [['recovery:congestion_state_updated', { ...(old !== undefined && { old }), new: this.congestion }]]
      }
      case 'quic:packet-lost': {
        const trigger = LOSS_TRIGGERS[text(data, 'trigger')]
        const header = { packet_type: LOSS_TYPES[text(data, 'space')] ?? 'unknown', packet_number: number(data, 'number') }
        return [['recovery:packet_lost', { header, ...(trigger !== undefined && { trigger }) }]]
      }
      case 'quic:probe-timeout': {
        const space = SPACES[text(data, 'space')]
        const where = space === undefined ? {} : { packet_number_space: space }
        return [['recovery:loss_timer_updated', { timer_type: 'pto', ...where, event_type: 'expired' }]]
      }
      case 'quic:retry-received':
        return [['connectivity:connection_retried', {}]]
      case 'quic:migrated':
        return [['connectivity:path_updated', { old: text(data, 'from'), new: text(data, 'to'), by: text(data, 'by') }]]
      case 'quic:path-validated':
        return [['connectivity:path_updated', { new: `${text(data, 'local')} → ${text(data, 'remote')}`, validated: true }]]
      case 'tls:secret-logged':
        return this.secretLogged(text(data, 'line'))
      case 'quic:key-updated':
        return this.keysUpdated(number(data, 'phase'), data['by'] === 'peer' ? 'remote_update' : 'local_update')
      case 'quic:stream-delivered':
        return [['transport:data_moved', { ...place(data), from: 'transport', to: 'application' }]]
      case 'qpack:blocked':
      case 'qpack:unblocked':
        return [['qpack:stream_state_updated', { stream_id: number(data, 'stream'), state: name.slice('qpack:'.length) }]]
      default:
        return []
    }
  }

  private started(data: EventData): QlogSaying {
    const [local, remote] = [endOf(text(data, 'local')), endOf(text(data, 'remote'))]
    return [
      'connectivity:connection_started',
      {
        ip_version: local.address.includes(':') ? 'v6' : 'v4',
        src_ip: local.address,
        dst_ip: remote.address,
        protocol: 'QUIC',
        src_port: local.port,
        dst_port: remote.port,
      },
    ]
  }

  private moved(state: string): readonly QlogSaying[] {
    const old = this.state
    this.state = state
    return [['connectivity:connection_state_updated', { ...(old !== undefined && { old }), new: state }]]
  }

  /** Only what has changed. */
  private measured(data: EventData): readonly QlogSaying[] {
    const has = (key: string): boolean => typeof data[key] === 'number'
    const now: QlogData = {
      ...(has('minRtt') && { min_rtt: milliseconds(number(data, 'minRtt')) }),
      ...(number(data, 'latestRtt') > 0 && {
        smoothed_rtt: milliseconds(number(data, 'smoothedRtt')),
        latest_rtt: milliseconds(number(data, 'latestRtt')),
        rtt_variance: milliseconds(number(data, 'rttVariance')),
      }),
      pto_count: number(data, 'ptoCount'),
      congestion_window: Math.round(number(data, 'cwnd')),
      bytes_in_flight: number(data, 'bytesInFlight'),
      ...(has('ssthresh') && { ssthresh: Math.round(number(data, 'ssthresh')) }),
    }
    const changed = Object.fromEntries(Object.entries(now).filter(([key, value]) => this.metrics[key] !== value))
    this.metrics = now
    return Object.keys(changed).length === 0 ? [] : [['recovery:metrics_updated', changed]]
  }

  private secretLogged(line: string): readonly QlogSaying[] {
    const [label, , secret = ''] = line.split(' ')
    const type = KEY_TYPES[label]
    if (type === undefined) return []
    const isLast = type.includes('1rtt')
    if (isLast) this.secrets.set(type, { secret: bytesOf(secret), generation: 0 })
    return [['security:key_updated', { key_type: type, new: secret, ...(isLast && { generation: 0 }), trigger: 'tls' }]]
  }

  /** Both ends' keys change: RFC 9001 section 6.1. */
  private keysUpdated(generation: number, trigger: string): readonly QlogSaying[] {
    return [...this.secrets].map(([key_type, known]): QlogSaying => {
      let { secret } = known
      for (let phase = known.generation; phase < generation; phase++) {
        const hash = secret.length === 48 ? 'sha384' : 'sha256'
        secret = hkdfExpandLabel(hash, secret, 'quic ku', NOTHING, secret.length)
      }
      this.secrets.set(key_type, { secret, generation })
      return ['security:key_updated', { key_type, new: hexOf(secret), generation, trigger }]
    })
  }
}

function place(data: EventData): QlogData {
  return { stream_id: number(data, 'stream'), offset: number(data, 'offset'), length: number(data, 'length') }
}
