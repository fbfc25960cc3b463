import { ExtensionType, extensionTypeName, HandshakeType, namedGroupName } from './code-points.ts'
import { signatureSchemeName, versionName } from './code-points.ts'
import { readTransportParameterFields } from '../quic/transport-parameters-layer.ts'
import type { FieldReader } from './field-reader.ts'

/** What the meaning of an extension depends on. */
export interface ExtensionPlace {
  /** Type of the message that it stands in, a value of `HandshakeType`. */
  readonly message: number
  /** Whether that is a HelloRetryRequest. */
  readonly isRetry: boolean
}

const POINT_FORMATS = ['uncompressed', 'ansiX962_compressed_prime', 'ansiX962_compressed_char2']
const PSK_MODES = ['psk_ke', 'psk_dhe_ke']

function serverName(at: FieldReader): void {
  if (at.isEmpty) return
  const list = at.vector('tls.handshake.extensions_server_name_list_len', 'Server name list', 2)
  while (!list.isEmpty) {
    list.number('tls.handshake.extensions_server_name_type', 'Server name type', 1, (type) =>
      type === 0 ? 'host_name' : undefined,
    )
    const length = list.number('tls.handshake.extensions_server_name_len', 'Server name length', 2)
    list.text('tls.handshake.extensions_server_name', 'Server name', length)
  }
}

function codes(at: FieldReader, prefix: string, plural: string, label: string, nameOf: typeof namedGroupName): void {
  const length = at.number(`${prefix}${plural}_length`, `${label}s length`, 2)
  at.group(
    `${prefix}${plural}`,
    `${label}s`,
    String(length >>> 1),
    (list) => {
      while (!list.isEmpty) list.code(`${prefix}${plural.slice(0, -1)}`, label, 2, nameOf)
    },
    length,
  )
}

function signatureAlgorithms(at: FieldReader): void {
  const length = at.number('tls.handshake.sig_hash_alg_len', 'Signature algorithms length', 2)
  at.group(
    'tls.handshake.sig_hash_algs',
    'Signature algorithms',
    String(length >>> 1),
    (list) => {
      while (!list.isEmpty) list.code('tls.handshake.sig_hash_alg', 'Signature algorithm', 2, signatureSchemeName)
    },
    length,
  )
}

function supportedVersions(at: FieldReader, { message }: ExtensionPlace): void {
  const isList = message === HandshakeType.client_hello
  const list = isList ? at.vector('tls.handshake.extensions.supported_versions_len', 'Supported versions', 1) : at
  while (!list.isEmpty) list.code('tls.handshake.extensions.supported_version', 'Supported version', 2, versionName)
}

function alpn(at: FieldReader): void {
  const list = at.vector('tls.handshake.extensions_alpn_len', 'ALPN', 2)
  while (!list.isEmpty) {
    const length = list.number('tls.handshake.extensions_alpn_str_len', 'Protocol name length', 1)
    list.text('tls.handshake.extensions_alpn_str', 'Protocol name', length)
  }
}

function keyShareEntry(at: FieldReader): void {
  const { bytes, at: start, left } = at.reader
  const group = left < 2 ? undefined : namedGroupName((bytes[start] << 8) | bytes[start + 1])
  at.group('tls.handshake.extensions_key_share_entry', 'Key share entry', group ?? 'unknown group', (entry) => {
    entry.number('tls.handshake.extensions_key_share_group', 'Group', 2, namedGroupName)
    const prefix = 'tls.handshake.extensions_key_share_key_exchange'
    entry.opaque(`${prefix}_length`, prefix, 'Key exchange', 2)
  })
}

function keyShare(at: FieldReader, { message, isRetry }: ExtensionPlace): void {
  if (isRetry) {
    at.number('tls.handshake.extensions_key_share_selected_group', 'Selected group', 2, namedGroupName)
  } else if (message === HandshakeType.client_hello) {
    const list = at.vector('tls.handshake.extensions_key_share_client_length', 'Client key share', 2)
    while (!list.isEmpty) keyShareEntry(list)
  } else {
    keyShareEntry(at)
  }
}

function preSharedKey(at: FieldReader, { message }: ExtensionPlace): void {
  const prefix = 'tls.handshake.extensions.psk'
  if (message !== HandshakeType.client_hello) {
    at.number(`${prefix}.identity.selected`, 'Selected identity', 2)
    return
  }
  const identities = at.vector(`${prefix}.identities.length`, 'Identities', 2)
  while (!identities.isEmpty) {
    identities.group(`${prefix}.identity`, 'PSK identity', '', (identity) => {
      identity.opaque(`${prefix}.identity.identity_length`, `${prefix}.identity.identity`, 'Identity', 2)
      identity.number(`${prefix}.identity.obfuscated_ticket_age`, 'Obfuscated ticket age', 4)
    })
  }
  const length = at.number(`${prefix}.binders_len`, 'PSK binders length', 2)
  at.group(
    `${prefix}.binders`,
    'PSK binders',
    `${String(length)} bytes`,
    (binders) => {
      while (!binders.isEmpty) binders.opaque(`${prefix}.binder_length`, `${prefix}.binder`, 'Binder', 1)
    },
    length,
  )
}

function pskModes(at: FieldReader): void {
  const list = at.vector('tls.extension.psk_ke_modes_length', 'PSK key exchange modes', 1)
  while (!list.isEmpty) list.number('tls.extension.psk_ke_mode', 'PSK key exchange mode', 1, (mode) => PSK_MODES[mode])
}

function pointFormats(at: FieldReader): void {
  const name = 'tls.handshake.extensions_ec_point_format'
  const length = at.number(`${name}s_length`, 'EC point formats length', 1)
  at.group(
    `${name}s`,
    'EC point formats',
    String(length),
    (list) => {
      while (!list.isEmpty) list.number(name, 'EC point format', 1, (format) => POINT_FORMATS[format])
    },
    length,
  )
}

function earlyData(at: FieldReader, { message }: ExtensionPlace): void {
  if (message === HandshakeType.new_session_ticket) {
    at.number('tls.early_data.max_early_data_size', 'Maximum early data size', 4)
  }
}

function authorities(at: FieldReader): void {
  const list = at.vector('tls.handshake.dnames_len', 'Distinguished names', 2)
  while (!list.isEmpty) list.opaque('tls.handshake.dname_len', 'tls.handshake.dname', 'Distinguished name', 2)
}

type Reading = (at: FieldReader, place: ExtensionPlace) => void

function readings(): ReadonlyMap<number, Reading> {
  const groups: Reading = (at) => {
    codes(at, 'tls.handshake.extensions_', 'supported_groups', 'Supported group', namedGroupName)
  }
  return new Map<number, Reading>([
    [ExtensionType.server_name, serverName],
    [ExtensionType.supported_groups, groups],
    [ExtensionType.signature_algorithms, signatureAlgorithms],
    [ExtensionType.signature_algorithms_cert, signatureAlgorithms],
    [ExtensionType.supported_versions, supportedVersions],
    [ExtensionType.application_layer_protocol_negotiation, alpn],
    [ExtensionType.key_share, keyShare],
    [ExtensionType.pre_shared_key, preSharedKey],
    [ExtensionType.psk_key_exchange_modes, pskModes],
    [ExtensionType.ec_point_formats, pointFormats],
    [ExtensionType.early_data, earlyData],
    [ExtensionType.certificate_authorities, authorities],
    [
      ExtensionType.renegotiation_info,
      (at) =>
        at.opaque('tls.handshake.extensions_reneg_info_len', 'tls.handshake.extensions_reneg_info', 'Renegotiation info', 1),
    ],
    [
      ExtensionType.cookie,
      (at) => at.opaque('tls.handshake.extensions.cookie_len', 'tls.handshake.extensions.cookie', 'Cookie', 2),
    ],
    [ExtensionType.quic_transport_parameters, readTransportParameterFields],
    [ExtensionType.record_size_limit, (at) => at.number('tls.record_size_limit', 'Record size limit', 2)],
    [ExtensionType.padding, (at) => at.bytes('tls.handshake.extensions_padding_data', 'Padding data', at.reader.left)],
  ])
}

const READINGS = /* @__PURE__ */ readings()

/** Notes a block of extensions with its length, each extension as one field around its parts. */
export function readExtensionFields(at: FieldReader, place: ExtensionPlace): void {
  const block = at.vector('tls.handshake.extensions_length', 'Extensions', 2)
  while (!block.isEmpty) {
    const { bytes, at: start, left } = block.reader
    const type = left < 2 ? -1 : (bytes[start] << 8) | bytes[start + 1]
    const title = extensionTypeName(type) ?? `extension ${String(type)}`
    block.group('tls.handshake.extension', 'Extension', title, (extension) => {
      extension.number('tls.handshake.extension.type', 'Type', 2, extensionTypeName)
      const data = extension.within(extension.number('tls.handshake.extension.len', 'Length', 2))
      READINGS.get(type)?.(data, place)
      // What nobody could read.
      data.bytes('tls.handshake.extension.data', 'Data', data.reader.left)
    })
  }
}
