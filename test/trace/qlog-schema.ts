/*
 * The definitions of qlog 0.3, written down from their CDDL (RFC 8610): draft-ietf-quic-qlog-main-schema-01 section 3,
 * draft-ietf-quic-qlog-quic-events-01 section 3 and appendix A, draft-ietf-quic-qlog-h3-events-01 section 3 and appendices A and B.
 * A map of CDDL is closed where it does not say `* text => any`.
 */

/** Says what is wrong with a value; nothing: all is well. */
type Rule = (value: unknown, path: string) => string[]

const text: Rule = (value, path) => (typeof value === 'string' ? [] : [`${path}: not a text`])
const bool: Rule = (value, path) => (typeof value === 'boolean' ? [] : [`${path}: not a boolean`])
const float: Rule = (value, path) => (typeof value === 'number' && Number.isFinite(value) ? [] : [`${path}: not a number`])
const any: Rule = () => []
/** Octets in hexadecimal. */
const hexstring: Rule = (value, path) =>
  typeof value === 'string' && /^(?:[\da-f]{2})*$/i.test(value) ? [] : [`${path}: not hexadecimal`]
const matching =
  (pattern: RegExp): Rule =>
  (value, path) =>
    typeof value === 'string' && pattern.test(value) ? [] : [`${path}: not like ${String(pattern)}`]
const uintBelow =
  (limit: number): Rule =>
  (value, path) =>
    typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < limit ? [] : [`${path}: not such a number`]
const uint = uintBelow(Infinity)
const uint64 = uintBelow(2 ** 64)
const uint16 = uintBelow(2 ** 16)
const uint8 = uintBelow(2 ** 8)
const oneOf =
  (...values: string[]): Rule =>
  (value, path) =>
    typeof value === 'string' && values.includes(value)
      ? []
      : [`${path}: ${JSON.stringify(value)} is none of ${values.join(', ')}`]
const either =
  (...rules: Rule[]): Rule =>
  (value, path) => {
    const found = rules.map((rule) => rule(value, path))
    return found.some((problems) => problems.length === 0) ? [] : found[0]
  }
const listOf =
  (rule: Rule, least = 0, most = Infinity): Rule =>
  (value, path) => {
    if (!Array.isArray(value)) return [`${path}: not a list`]
    const few = value.length < least || value.length > most ? [`${path}: ${String(value.length)} items`] : []
    return [...few, ...value.flatMap((each, index) => rule(each, `${path}[${String(index)}]`))]
  }
/** A map; names of members that may be missing end with `?`. */
const map =
  (members: Readonly<Record<string, Rule>>, isOpen = false): Rule =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: not a map`]
    const rules = new Map(Object.entries(members).map(([name, rule]) => [name.replace(/\?$/, ''), rule]))
    const missing = Object.keys(members).filter((name) => !name.endsWith('?') && !(name in value))
    const unknown = isOpen ? [] : Object.keys(value).filter((name) => !rules.has(name))
    return [
      ...missing.map((name) => `${path}.${name}: missing`),
      ...unknown.map((name) => `${path}.${name}: not in the schema`),
      ...Object.entries(value).flatMap(([name, each]) => rules.get(name)?.(each, `${path}.${name}`) ?? []),
    ]
  }

const owner = oneOf('local', 'remote')
const connectionId = hexstring
const version = hexstring
const space = oneOf('initial', 'handshake', 'application_data')
const rawInfo = map({ 'length?': uint64, 'payload_length?': uint64, 'data?': hexstring })
const token = map({
  'type?': oneOf('retry', 'resumption', 'stateless_reset'),
  'length?': uint,
  'data?': hexstring,
  'details?': map({}, true),
})
const transportError = either(
  oneOf(
    ...['no_error', 'internal_error', 'connection_refused', 'flow_control_error', 'stream_limit_error', 'stream_state_error'],
    ...['final_size_error', 'frame_encoding_error', 'transport_parameter_error', 'connection_id_limit_error'],
    ...['protocol_violation', 'invalid_token', 'application_error', 'crypto_buffer_exceeded'],
  ),
  matching(/^crypto_error_0x1[0-9][0-9]$/),
  uint,
)
const applicationError = either(
  oneOf(
    ...['http_no_error', 'http_general_protocol_error', 'http_internal_error', 'http_stream_creation_error'],
    ...['http_closed_critical_stream', 'http_frame_unexpected', 'http_frame_error', 'http_excessive_load', 'http_id_error'],
    ...['http_settings_error', 'http_missing_settings', 'http_request_rejected', 'http_request_cancelled'],
    ...['http_request_incomplete', 'http_early_response', 'http_connect_error', 'http_version_fallback'],
  ),
  uint,
)

const NUMBERLESS = ['retry', 'version_negotiation', 'stateless_reset', 'unknown']
const packetHeader: Rule = (value, path) => {
  const type = (value as { packet_type?: unknown } | undefined)?.packet_type
  // As in later drafts: packets without a number have none.
  const number = NUMBERLESS.includes(String(type)) ? 'packet_number?' : 'packet_number'
  return map({
    packet_type: oneOf('initial', 'handshake', '0RTT', '1RTT', ...NUMBERLESS),
    [number]: uint64,
    'flags?': uint8,
    'token?': token,
    'length?': uint16,
    'version?': version,
    'scil?': uint8,
    'dcil?': uint8,
    'scid?': connectionId,
    'dcid?': connectionId,
  })(value, path)
}

const sizes = { 'length?': uint, 'payload_length?': uint }
const streamType = oneOf('unidirectional', 'bidirectional')
const QUIC_FRAMES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  padding: { 'length?': uint, payload_length: uint },
  ping: sizes,
  ack: {
    'ack_delay?': float,
    'acked_ranges?': listOf(listOf(uint64, 1, 2), 1),
    'ect1?': uint64,
    'ect0?': uint64,
    'ce?': uint64,
    ...sizes,
  },
  reset_stream: { stream_id: uint64, error_code: applicationError, final_size: uint64, ...sizes },
  stop_sending: { stream_id: uint64, error_code: applicationError, ...sizes },
  crypto: { offset: uint64, length: uint64, 'payload_length?': uint },
  new_token: { token },
  stream: { stream_id: uint64, offset: uint64, length: uint64, 'fin?': bool, 'raw?': hexstring },
  max_data: { maximum: uint64 },
  max_stream_data: { stream_id: uint64, maximum: uint64 },
  max_streams: { stream_type: streamType, maximum: uint64 },
  data_blocked: { limit: uint64 },
  stream_data_blocked: { stream_id: uint64, limit: uint64 },
  streams_blocked: { stream_type: streamType, limit: uint64 },
  new_connection_id: {
    sequence_number: uint,
    retire_prior_to: uint,
    'connection_id_length?': uint8,
    connection_id: connectionId,
    'stateless_reset_token?': token,
  },
  retire_connection_id: { sequence_number: uint },
  path_challenge: { 'data?': hexstring },
  path_response: { 'data?': hexstring },
  connection_close: {
    'error_space?': oneOf('transport', 'application'),
    'error_code?': either(transportError, applicationError),
    'raw_error_code?': uint,
    'reason?': text,
    'trigger_frame_type?': either(uint64, text),
  },
  handshake_done: {},
  unknown: { raw_frame_type: uint64, 'raw_length?': uint, 'raw?': hexstring },
}
const httpHeaders = listOf(map({ name: text, value: text }))
const HTTP3_FRAMES: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  data: { 'raw?': hexstring },
  headers: { headers: httpHeaders },
  cancel_push: { push_id: uint64 },
  settings: { settings: listOf(map({ name: text, value: uint64 })) },
  push_promise: { push_id: uint64, headers: httpHeaders },
  goaway: { id: uint64 },
  max_push_id: { push_id: uint64 },
  reserved: {},
  unknown: QUIC_FRAMES['unknown'],
}
const INSTRUCTIONS: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  set_dynamic_table_capacity: { capacity: uint },
  header_acknowledgement: { stream_id: uint64 },
  stream_cancellation: { stream_id: uint64 },
  insert_count_increment: { increment: uint },
}
/** A choice of maps by one of their members. */
const byName =
  (member: string, choices: Readonly<Record<string, Readonly<Record<string, Rule>>>>): Rule =>
  (value, path) => {
    const name = (value as Record<string, unknown> | undefined)?.[member]
    const members = typeof name === 'string' ? (choices[name] as Readonly<Record<string, Rule>> | undefined) : undefined
    return members === undefined ? [`${path}.${member}: unknown`] : map({ [member]: text, ...members })(value, path)
  }
const quicFrame = byName('frame_type', QUIC_FRAMES)

const packet = (...triggers: string[]): Rule =>
  map({
    header: packetHeader,
    'frames?': listOf(quicFrame),
    'is_coalesced?': bool,
    'retry_token?': token,
    'stateless_reset_token?': matching(/^[\da-f]{32}$/),
    'supported_versions?': listOf(version, 1),
    'raw?': rawInfo,
    'datagram_id?': uint,
    'trigger?': oneOf(...triggers),
  })
const httpFrame = map({
  stream_id: uint64,
  'length?': uint64,
  frame: byName('frame_type', HTTP3_FRAMES),
  'raw?': rawInfo,
})
const instruction = map({ instruction: byName('instruction_type', INSTRUCTIONS), 'length?': uint, 'raw?': hexstring })
const state = oneOf(
  ...['attempted', 'peer_validated', 'handshake_started', 'early_write', 'handshake_complete', 'handshake_confirmed'],
  ...['closing', 'draining', 'closed'],
)

/** Data of events by the events' names. */
const EVENTS: Readonly<Record<string, Rule>> = {
  'connectivity:connection_started': map({
    'ip_version?': oneOf('v4', 'v6'),
    src_ip: text,
    dst_ip: text,
    'protocol?': text,
    'src_port?': uint16,
    'dst_port?': uint16,
    'src_cid?': connectionId,
    'dst_cid?': connectionId,
  }),
  'connectivity:connection_closed': map({
    'owner?': owner,
    'connection_code?': transportError,
    'application_code?': applicationError,
    'internal_code?': uint,
    'reason?': text,
    'trigger?': oneOf(
      ...['clean', 'handshake_timeout', 'idle_timeout', 'error', 'stateless_reset', 'version_mismatch', 'application'],
    ),
  }),
  'connectivity:connection_state_updated': map({ 'old?': state, new: state }),
  // Named in sections 3.1.6 and 3.1.8, and not defined.
  'connectivity:connection_retried': map({}, true),
  'connectivity:path_updated': map({}, true),
  'security:key_updated': map({
    key_type: matching(/^(?:server|client)_(?:initial|handshake|0rtt|1rtt)_secret$/),
    'old?': hexstring,
    new: hexstring,
    'generation?': uint,
    'trigger?': oneOf('tls', 'remote_update', 'local_update'),
  }),
  'transport:version_information': map({
    'server_versions?': listOf(version, 1),
    'client_versions?': listOf(version, 1),
    'chosen_version?': version,
  }),
  'transport:alpn_information': map({ 'server_alpns?': listOf(text), 'client_alpns?': listOf(text), 'chosen_alpn?': text }),
  'transport:parameters_set': map(
    {
      'owner?': owner,
      'resumption_allowed?': bool,
      'early_data_enabled?': bool,
      'tls_cipher?': text,
      'aead_tag_length?': uint8,
      'original_destination_connection_id?': connectionId,
      'initial_source_connection_id?': connectionId,
      'retry_source_connection_id?': connectionId,
      'stateless_reset_token?': token,
      'disable_active_migration?': bool,
      'max_idle_timeout?': uint64,
      'max_udp_payload_size?': uint,
      'ack_delay_exponent?': uint16,
      'max_ack_delay?': uint16,
      'active_connection_id_limit?': uint,
      'initial_max_data?': uint64,
      'initial_max_stream_data_bidi_local?': uint64,
      'initial_max_stream_data_bidi_remote?': uint64,
      'initial_max_stream_data_uni?': uint64,
      'initial_max_streams_bidi?': uint64,
      'initial_max_streams_uni?': uint64,
    },
    true,
  ),
  'transport:packet_sent': packet(
    ...['retransmit_reordered', 'retransmit_timeout', 'pto_probe', 'retransmit_crypto', 'cc_bandwidth_probe'],
  ),
  'transport:packet_received': packet('keys_available'),
  'transport:packet_dropped': map({
    'header?': packetHeader,
    'raw?': rawInfo,
    'datagram_id?': uint,
    'trigger?': oneOf(
      ...['key_unavailable', 'unknown_connection_id', 'header_parse_error', 'payload_decrypt_error', 'protocol_violation'],
      ...['dos_prevention', 'unsupported_version', 'unexpected_packet', 'unexpected_source_connection_id', 'unexpected_version'],
      ...['duplicate', 'invalid_initial'],
    ),
  }),
  'transport:datagram_dropped': map({ 'raw?': rawInfo }),
  'transport:data_moved': map({
    'stream_id?': uint64,
    'offset?': uint64,
    'length?': uint64,
    'from?': text,
    'to?': text,
    'data?': hexstring,
  }),
  'recovery:metrics_updated': map(
    {
      'min_rtt?': float,
      'smoothed_rtt?': float,
      'latest_rtt?': float,
      'rtt_variance?': float,
      'pto_count?': uint16,
      'congestion_window?': uint64,
      'bytes_in_flight?': uint64,
      'ssthresh?': uint64,
      'packets_in_flight?': uint64,
      'pacing_rate?': uint64,
    },
    true,
  ),
  'recovery:congestion_state_updated': map({ 'old?': text, new: text, 'trigger?': oneOf('persistent_congestion', 'ECN') }),
  'recovery:loss_timer_updated': map({
    'timer_type?': oneOf('ack', 'pto'),
    'packet_number_space?': space,
    event_type: oneOf('set', 'expired', 'cancelled'),
    'delta?': float,
  }),
  'recovery:packet_lost': map({
    'header?': packetHeader,
    'frames?': listOf(quicFrame),
    'trigger?': oneOf('reordering_threshold', 'time_threshold', 'pto_expired'),
  }),
  'http:parameters_set': map(
    { 'owner?': owner, 'max_header_list_size?': uint64, 'max_table_capacity?': uint64, 'blocked_streams_count?': uint64 },
    true,
  ),
  'http:stream_type_set': map({
    stream_id: uint64,
    'owner?': owner,
    'old?': text,
    new: oneOf('data', 'control', 'push', 'reserved', 'qpack_encode', 'qpack_decode'),
    'associated_push_id?': uint64,
  }),
  'http:frame_created': httpFrame,
  'http:frame_parsed': httpFrame,
  'qpack:stream_state_updated': map({ stream_id: uint64, state: oneOf('blocked', 'unblocked') }),
  'qpack:dynamic_table_updated': map({
    owner,
    update_type: oneOf('inserted', 'evicted'),
    entries: listOf(map({ index: uint64, 'name?': text, 'value?': text })),
  }),
  'qpack:instruction_created': instruction,
  'qpack:instruction_parsed': instruction,
}

const event: Rule = (value, path) => {
  const { name, data } = value as { name?: unknown; data?: unknown }
  const rule = typeof name === 'string' ? (EVENTS[name] as Rule | undefined) : undefined
  return [
    ...map({ time: float, name: text, data: any }, true)(value, path),
    ...(rule === undefined ? [`${path}: no event ${String(name)}`] : rule(data, `${path} ${String(name)}`)),
  ]
}
const trace = map({
  'title?': text,
  'description?': text,
  'configuration?': map({}, true),
  'common_fields?': map(
    {
      'time_format?': oneOf('absolute', 'delta', 'relative'),
      'reference_time?': float,
      'protocol_type?': listOf(text, 1),
      'group_id?': text,
    },
    true,
  ),
  'vantage_point?': map({
    'name?': text,
    type: oneOf('client', 'server', 'network', 'unknown'),
    'flow?': oneOf('client', 'server', 'unknown'),
  }),
  events: listOf(event),
})
const file = map({
  qlog_version: oneOf('0.3'),
  'qlog_format?': oneOf('JSON'),
  'title?': text,
  'description?': text,
  'summary?': map({}, true),
  'traces?': listOf(trace, 1),
})

/** What in a file of qlog is not as the schema has it. */
export function qlogProblems(value: unknown): string[] {
  return file(value, 'file')
}
