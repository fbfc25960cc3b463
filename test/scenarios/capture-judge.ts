import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** What tshark says about one frame of a capture. */
interface JudgedFrame {
  /** From 1. */
  readonly number: number
  readonly comment: string
  /** Whether the capture says itself that the frame check sequence was wrong. */
  readonly crcError: boolean
  /** Which conversation of TCP; '' when none. */
  readonly stream: string
  readonly complaints: readonly string[]
}

export interface Judgment {
  readonly frames: number
  /** Frames that the capture marks as corrupted on the way, by their numbers. */
  readonly corrupted: readonly number[]
  /** Of these, how many tshark found fault with. */
  readonly corruptedNoticed: number
  /** What is wrong with the others. */
  readonly complaints: readonly string[]
}

const VERIFY = ['ip', 'tcp', 'udp'].map((protocol) => `${protocol}.check_checksum:TRUE`)
/** For the capture of a host: what comes early there is to be decrypted in its turn. */
const REORDER = 'tcp.reassemble_out_of_order:TRUE'
const CHECKSUMS = ['ip', 'tcp', 'udp', 'icmp', 'icmpv6'].map((protocol) => `${protocol}.checksum.status`)
const FIELDS = [
  'frame.number',
  'frame.comment',
  'frame.packet_flags_crc_error',
  '_ws.malformed',
  '_ws.short',
  '_ws.expert.severity',
  '_ws.expert.message',
  'tcp.stream',
  'tls.record.length',
  'tls.record.content_type',
  'quic.decryption_failed',
  'quic.decryption_failed',
  ...CHECKSUMS,
]
const UNDECRYPTED = 'undecrypted TLS record'
/** What tshark says where it has not seen how a connection began. */
const STRAY = 'Unknown QUIC connection'
const STRAY_PACKET = 'QUIC packet of an unknown connection'
/** What it says about what it has put together of frames of which one was wrong. */
const MISPLACED = /^malformed$|^error: .*(New fragment past old data limits|Malformed Packet|Leading CRLF previous message)/
/** Expert items from here on are errors. */
const ERROR = 0x80_0000
const run = promisify(execFile)

async function framesOf(path: string, preferences: readonly string[]): Promise<JudgedFrame[]> {
  const fields = FIELDS.flatMap((field) => ['-e', field])
  const preferred = preferences.flatMap((preference) => ['-o', preference])
  const options = ['-n', '-2', '-r', path, ...preferred, '-T', 'fields', '-E', 'occurrence=a', '-E', 'aggregator=|', ...fields]
  const { stdout } = await run('tshark', options, { maxBuffer: 1 << 28 })
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line): JudgedFrame => {
      const [
        number = '',
        comment = '',
        crc = '',
        malformed = '',
        short = '',
        severities = '',
        messages = '',
        stream = '',
        records = '',
        types = '',
        unopened = '',
        quicFailures = '',
        ...checksums
      ] = line.split('\t')
      const errors = severities.split('|').some((severity) => Number(severity) >= ERROR)
      return {
        number: Number(number),
        comment,
        stream,
        crcError: crc === '1' || crc === 'True',
        complaints: [
          ...(malformed === '' ? [] : ['malformed']),
          ...(short === '' ? [] : ['cut short']),
          ...(errors ? [`error: ${messages}`] : []),
          // A record that does not decrypt has no type that could be told. TLS 1.3 only; before, types are in the clear.
          ...(records.split('|').length > types.split('|').length || (records !== '' && types === '') ? [UNDECRYPTED] : []),
          ...(quicFailures === '' ? [] : [messages.includes(STRAY) ? STRAY_PACKET : 'undecrypted QUIC packet']),
          ...(unopened === '' ? [] : ['undecrypted QUIC packet']),
          ...checksums.flatMap((statuses, index) => (statuses.split('|').includes('0') ? [`bad ${CHECKSUMS[index] ?? ''}`] : [])),
        ],
      }
    })
}

async function judge(path: string, isOfHost: boolean): Promise<Judgment> {
  const frames = await framesOf(path, isOfHost ? [...VERIFY, REORDER] : VERIFY)
  const isMarked = ({ comment, crcError }: JudgedFrame): boolean => crcError || comment.includes('bits flipped')
  const marked = frames.filter(isMarked)
  // tshark decrypts what is wrong as well, and counts it: from there on it takes other nonces than the hosts. And it puts messages
  // together out of it: with a length or a sequence number that has flipped, what follows in the stream looks malformed.
  const confused = new Set(marked.filter(({ comment }) => comment.includes('nobody noticed')).map(({ stream }) => stream))
  // A host may be told something early by somebody whose first packet was lost.
  const isFault = (complaint: string, stream: string): boolean =>
    !((complaint === UNDECRYPTED || MISPLACED.test(complaint)) && confused.has(stream)) &&
    !(complaint === STRAY_PACKET && isOfHost)
  return {
    frames: frames.length,
    corrupted: marked.map(({ number }) => number),
    corruptedNoticed: marked.filter(({ complaints }) => complaints.length > 0).length,
    complaints: frames
      .filter((frame) => !isMarked(frame))
      .flatMap(({ number, stream, complaints }) =>
        complaints.filter((complaint) => isFault(complaint, stream)).map((complaint) => `frame ${String(number)}: ${complaint}`),
      ),
  }
}

/**
 * Has tshark read captures, checksums verified, as many at a time as there are processors.
 * @param captures by name; that of a host ends with `at <host>`
 */
export async function judgeCaptures(captures: ReadonlyMap<string, Uint8Array>): Promise<Map<string, Judgment>> {
  const folder = mkdtempSync(join(tmpdir(), 'captures-'))
  try {
    const waiting = [...captures].entries()
    const judgments = new Map<string, Judgment>()
    const worker = async (): Promise<void> => {
      for (const [index, [name, bytes]] of waiting) {
        const path = join(folder, `${String(index)}.pcapng`)
        writeFileSync(path, bytes)
        judgments.set(name, await judge(path, / at [a-z0-9-]+$/.test(name)))
      }
    }
    await Promise.all(Array.from({ length: availableParallelism() }, worker))
    return judgments
  } finally {
    rmSync(folder, { recursive: true })
  }
}
