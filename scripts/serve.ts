/**
 * A static file server for the built pages.
 *
 *     tsx scripts/serve.ts [FOLDER] [--port N] [--csp POLICY]
 *
 * `PORT` sets the port too. Files may be loaded from other origins, as from a CDN.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

export interface ServeOptions {
  /** The folder to serve. */
  readonly root: string
  /** 0: any free port. */
  readonly port: number
  /** Sent as `Content-Security-Policy` with every page. */
  readonly csp?: string
  /** Pages that exist in no file, by path: `{ '/embed.html': '<!doctype html>…' }`. */
  readonly pages?: Readonly<Record<string, string>>
}

export interface StaticServer {
  /** `'http://localhost:8000'`. */
  readonly url: string
  close(): Promise<void>
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
  '.ts': 'text/plain; charset=utf-8',
  '.pcapng': 'application/x-pcapng',
}

/** The file that a URL path names: undefined when there is none, or when it would lie outside of `root`. */
async function locate(root: string, path: string): Promise<{ file: string; size: number } | 'folder' | undefined> {
  const file = resolve(join(root, path))
  if (file !== root && !file.startsWith(root + sep)) return undefined
  const entry = await stat(file).catch(() => undefined)
  if (entry?.isFile() === true && !path.endsWith('/')) return { file, size: entry.size }
  if (entry?.isDirectory() !== true) return undefined
  if (!path.endsWith('/')) return 'folder'
  return locate(root, `${path}index.html`)
}

function decodePath(url: string): string | undefined {
  try {
    const path = decodeURIComponent(url.split(/[?#]/, 1)[0])
    return path.startsWith('/') && !path.includes('\0') ? path : undefined
  } catch {
    return undefined
  }
}

async function answer(options: ServeOptions, root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, type: string, headers: Record<string, string | number> = {}) => {
    response.writeHead(status, {
      'Content-Type': type,
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': 'no-cache',
      'X-Content-Type-Options': 'nosniff',
      ...(options.csp !== undefined && type.startsWith('text/html') ? { 'Content-Security-Policy': options.csp } : {}),
      ...headers,
    })
  }
  const plain = (status: number, text: string, headers: Record<string, string> = {}) => {
    send(status, 'text/plain; charset=utf-8', headers)
    response.end(request.method === 'HEAD' ? undefined : `${text}\n`)
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    plain(405, 'Only GET and HEAD.', { Allow: 'GET, HEAD' })
    return
  }
  const path = decodePath(request.url ?? '/')
  if (path === undefined) {
    plain(400, 'Not a path.')
    return
  }
  const page = options.pages?.[path]
  if (page !== undefined) {
    send(200, TYPES['.html'])
    response.end(request.method === 'HEAD' ? undefined : page)
    return
  }
  const found = await locate(root, path)
  if (found === undefined) {
    plain(404, `There is no ${path} here.`)
  } else if (found === 'folder') {
    // Relative: a path such as //elsewhere must not lead away.
    plain(301, 'Moved.', { Location: `./${encodeURIComponent(path.slice(path.lastIndexOf('/') + 1))}/` })
  } else {
    send(200, TYPES[extname(found.file)] ?? 'application/octet-stream', { 'Content-Length': found.size })
    if (request.method === 'HEAD') response.end()
    else
      createReadStream(found.file)
        .on('error', () => response.destroy())
        .pipe(response)
  }
}

/** Serves a folder on localhost. Rejects when the port is taken. */
export async function serve(options: ServeOptions): Promise<StaticServer> {
  const root = resolve(options.root)
  const server = createServer((request, response) => {
    answer(options, root, request, response).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(options.port, done)
  })
  return {
    url: `http://localhost:${String((server.address() as AddressInfo).port)}`,
    close: () =>
      new Promise((done) => {
        server.close(() => {
          done()
        })
        server.closeAllConnections()
      }),
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { port: { type: 'string', default: process.env.PORT ?? '8000' }, csp: { type: 'string' } },
  })
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`no such port: ${values.port}`)
  const { url } = await serve({ root: positionals[0] ?? 'dist', port, ...(values.csp !== undefined && { csp: values.csp }) })
  console.log(`gallery on ${url}`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await main().catch((error: unknown) => {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    console.error(taken ? 'That port is taken: choose another, as in PORT=8001 npm start.' : error)
    process.exitCode = 1
  })
}
