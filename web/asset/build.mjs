// Makes dist/ of css/, js/, the pages' icons and the pictures: every asset under a
// name with a hash of what is in it, with its compressed forms beside it.
import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import { build } from 'esbuild'
import { darkWithoutScript, onlyUsed } from './css.mjs'
import { sprite } from './icons.mjs'
import { licenses } from './licenses.mjs'

process.chdir(import.meta.dirname)

const manifest = { assets: {}, media: {} }
const hash = (body) => createHash('sha256').update(body).digest('hex').slice(0, 12)

async function emit(name, body) {
  body = Buffer.from(body)
  const ext = extname(name)
  const hashed = `${name.slice(0, -ext.length)}-${hash(body)}${ext}`
  manifest.assets[name] = hashed
  const file = join('dist/assets', hashed)
  // The best compression takes seconds for a megabyte and saves a hundredth more.
  const quality = body.length > 500_000 ? 9 : 11
  const [br, gz] = await Promise.all([
    promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }),
    promisify(gzip)(body, { level: 9 }),
  ])
  await Promise.all([writeFile(file, body), writeFile(file + '.br', br), writeFile(file + '.gz', gz)])
}

async function bundle(entry) {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: ['es2022', 'chrome109', 'firefox115', 'safari16'],
    external: ['*.png'],
    legalComments: 'none',
    logLevel: 'warning',
    outdir: 'dist',
  })
  return result.outputFiles[0].text
}

async function css(entry, ...changes) {
  let text = await bundle(entry)
  for (const change of changes) text = await change(text)
  return text
}

async function pictures() {
  let makePictures
  try {
    ({ makePictures } = await import('./pictures.mjs'))
  } catch (err) {
    if (err.code !== 'ERR_MODULE_NOT_FOUND') throw err
    return
  }
  await makePictures('dist/media')
}

for (const old of await readdir('dist')) {
  if (old !== '.keep') await rm(join('dist', old), { recursive: true })
}
await mkdir('dist/assets', { recursive: true })
await mkdir('dist/media', { recursive: true })

await Promise.all([
  bundle('js/app.js').then((text) => emit('app.js', text)),
  bundle('js/theme.js').then((text) => emit('theme.js', text)),
  bundle('js/docs.js').then((text) => emit('docs.js', text)),
  css('css/app.css', onlyUsed, darkWithoutScript).then((text) => emit('app.css', text)),
  css('css/docs.css').then((text) => emit('docs.css', text)),
  sprite().then((text) => emit('icons.svg', text)),
  readFile('favicon.svg').then((text) => emit('favicon.svg', text)),
  licenses().then((text) => emit('licenses.txt', text)),
  pictures(),
])

for (const entry of await readdir('dist/media', { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue
  const file = join(entry.parentPath ?? entry.path, entry.name)
  manifest.media[file.slice('dist/media/'.length)] = hash(await readFile(file))
}

const sorted = (object) => Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)))
await writeFile('dist/manifest.json', JSON.stringify({ assets: sorted(manifest.assets), media: sorted(manifest.media) }, null, 1) + '\n')
