import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

const CHECKSUMS = ['ip', 'tcp', 'udp', 'icmp', 'icmpv6'].map((protocol) => `${protocol}.checksum.status`)
const FIELDS = [
  'frame.number',
  'eth.src',
  'tcp.checksum',
  '_ws.malformed',
  '_ws.short',
  '_ws.expert.severity',
  '_ws.expert.message',
]
/** Expert items from here on are errors. */
const ERROR = 0x80_0000

/** What TCP carries here, and all that Wireshark would guess if it did not know. */
async function aboveTransport(): Promise<string[]> {
  const { stdout } = await run('tshark', ['-G', 'heuristic-decodes'], { maxBuffer: 1 << 24 })
  const guesses = stdout.split('\n').map((line) => line.split('\t'))
  return ['http', 'http2', 'tls', ...guesses.flatMap(([below, protocol]) => (below === 'tcp' ? [protocol] : []))]
}

const VERIFY = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`])

/**
 * How much is dissected. Where segments come again, only up to the transport: one that comes when its message was complete already, Wireshark
 * 4.0 calls malformed, real curl's as well; and looked at by itself, a piece of a body may resemble anything.
 */
export type Depth = 'all' | 'transport'

/**
 * What tshark finds wrong with a capture.
 * @param outside MAC address of the real host
 * @returns how many frames there are, and a line for each complaint
 */
export async function judge(path: string, outside: string, depth: Depth): Promise<{ frames: number; complaints: string[] }> {
  const fields = [...FIELDS, ...CHECKSUMS].flatMap((field) => ['-e', field])
  const disabled = depth === 'transport' ? await aboveTransport() : []
  const without = disabled.flatMap((protocol) => ['--disable-protocol', protocol])
  const options = [
    '-n',
    '-2',
    '-r',
    path,
    ...VERIFY,
    ...without,
    '-T',
    'fields',
    '-E',
    'occurrence=a',
    '-E',
    'aggregator=|',
    ...fields,
  ]
  const { stdout } = await run('tshark', options, { maxBuffer: 1 << 28 })
  const lines = stdout.split('\n').slice(0, -1)
  const complaints = lines.flatMap((line) => {
    const [number, source, tcpChecksum, malformed, short, severities, messages, ...checksums] = line.split('\t')
    // Linux sends a checksum of zero as its other form, in TCP as in UDP (RFC 1624 section 3), once in 65,536 segments.
    const isMangledZero = source === outside && tcpChecksum === '0xffff'
    return [
      ...(malformed === '' ? [] : ['malformed']),
      ...(short === '' ? [] : ['cut short']),
      ...(severities.split('|').some((severity) => Number(severity) >= ERROR) && !isMangledZero ? [`error: ${messages}`] : []),
      ...checksums.flatMap((statuses, index) =>
        statuses.split('|').includes('0') && !(isMangledZero && CHECKSUMS[index] === 'tcp.checksum.status')
          ? [`bad ${CHECKSUMS[index]}`]
          : [],
      ),
    ].map((complaint) => `frame ${number}: ${complaint}`)
  })
  return { frames: lines.length, complaints }
}
