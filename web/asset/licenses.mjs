// Gathers the licences of what is inside the assets.
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

const inside = ['bootstrap', 'bootstrap-icons', 'swagger-ui-dist', '@lobehub/fluent-emoji-3d']

export async function licenses() {
  const parts = await Promise.all(inside.map(async (name) => {
    const dir = join('node_modules', name)
    const about = JSON.parse(await readFile(join(dir, 'package.json'), 'utf8'))
    const texts = (await readdir(dir)).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort()
    const bodies = await Promise.all(texts.map((file) => readFile(join(dir, file), 'utf8')))
    return [`${name} ${about.version} (${about.license})`, ...bodies].join('\n\n').trim()
  }))
  return `What this shop's pages are made with.\n\n${parts.join('\n\n' + '-'.repeat(72) + '\n\n')}\n`
}
