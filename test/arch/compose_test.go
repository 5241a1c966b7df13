package arch

import (
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// composeFolder has what the shop in containers is made of.
var composeFolder = filepath.Join("../..", "deployment", "docker")

// service is a container of compose.yaml, as far as it is looked at.
type service struct {
	Image       string
	Restart     string
	User        string
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	MemLimit    string   `yaml:"mem_limit"`
	PidsLimit   int      `yaml:"pids_limit"`
	ReadOnly    bool     `yaml:"read_only"`
	Ports       []string
	Command     []string
	Environment map[string]string
	Volumes     []string
	Tmpfs       []string
	Networks    []string
	NetworkMode string `yaml:"network_mode"`
	EnvFile     []struct {
		Path     string
		Required bool
	} `yaml:"env_file"`
	Healthcheck struct{ Test []string }
	Logging     struct{ Options map[string]string }
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
}

type compose struct {
	Name     string
	Services map[string]service
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]any
}

func readCompose(t *testing.T) (text string, c compose) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(composeFolder, "compose.yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(file, &c))
	return string(file), c
}

// TestCompose holds that the shop in containers comes back after a reboot, fills no disk with logs,
// and gives nobody more rights than they need.
func TestCompose(t *testing.T) {
	text, compose := readCompose(t)
	ends := map[string]bool{} // services that do something and end
	for _, s := range compose.Services {
		for name, needed := range s.DependsOn {
			ends[name] = ends[name] || needed.Condition == "service_completed_successfully"
		}
	}
	for name, s := range compose.Services {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, []string{"ALL"}, s.CapDrop)
			assert.Equal(t, []string{"no-new-privileges:true"}, s.SecurityOpt)
			assert.NotEmpty(t, s.Logging.Options["max-size"])
			assert.NotEmpty(t, s.Logging.Options["max-file"])
			if ends[name] {
				assert.Empty(t, s.Restart, "what has ended stays so")
			} else {
				assert.Equal(t, "unless-stopped", s.Restart)
				assert.NotEmpty(t, s.MemLimit)
				assert.Positive(t, s.PidsLimit)
				assert.NotEmpty(t, s.Healthcheck.Test)
			}
			if name != "nginx" {
				assert.Empty(t, s.Ports, "nginx alone can be reached from outside")
			}
			for key, value := range s.Environment {
				if regexp.MustCompile(`PASSWORD|SECRET|_URL`).MatchString(key) {
					assert.Regexp(t, `_FILE$`, key, "a secret stands in no container's environment")
					assert.Regexp(t, `^/run/shop/[a-z_]+$`, value)
				}
			}
			for _, file := range s.EnvFile {
				assert.False(t, file.Required, "a clone has no %s", file.Path)
				assert.Equal(t, name == "prepare", file.Path == ".env", "passwords that an operator has set are read by the one who needs them all")
			}
			for _, mount := range s.Volumes {
				if strings.HasPrefix(mount, "secrets:") {
					assert.Equal(t, name != "prepare", strings.HasSuffix(mount, ":ro"), mount)
				}
			}
		})
	}

	t.Run("networks have whatever addresses are free", func(t *testing.T) {
		assert.NotRegexp(t, `subnet|ipam|ipv4_address|\b(10|172|192)\.\d+\.\d+\.\d+`, text)
	})
	t.Run("nginx reaches every server, and no store", func(t *testing.T) {
		assert.Equal(t, []string{"front"}, compose.Services["nginx"].Networks)
		opening := strings.Join(compose.Services["nginx"].Command, " ")
		assert.Contains(t, opening, `s/server 127\.0\.0\.1:500\([1-9]\)/server server\1:500\1 resolve/`, "it knows them by name, wherever they are")
		assert.Contains(t, opening, `s/^\tzone .*/&\n\tresolver 127.0.0.11 `, "and asks again where they are")
		site, err := os.ReadFile("../../nginx/nginx.conf")
		require.NoError(t, err)
		upstreams := regexp.MustCompile(`(?m)^upstream \w+ \{\n(\t[^\n]*\n)+\}`).FindAllString(string(site), -1)
		require.NotEmpty(t, upstreams)
		assert.Len(t, regexp.MustCompile(`(?m)^\tzone `).FindAllString(string(site), -1), len(upstreams))
		servers, scraped, network := 0, scrapedInDocker(t), prometheusNetwork(t)
		for name, s := range compose.Services {
			if s.Environment["PORT"] == "" {
				continue
			}
			servers++
			assert.Equal(t, []string{"front", "stores"}, s.Networks, name)
			assert.Equal(t, "server"+strings.TrimPrefix(s.Environment["PORT"], "500"), name)
			for _, upstream := range upstreams {
				assert.Contains(t, upstream, "\tserver 127.0.0.1:"+s.Environment["PORT"]+" ")
				assert.Equal(t, 3, strings.Count(upstream, "\tserver 127.0.0.1:"))
			}
			assert.True(t, s.ReadOnly)
			assert.Equal(t, "/run/shop/database_url", s.Environment["DATABASE_URL_FILE"], "a server is not the owner of the tables")
			assert.Contains(t, scraped, name+s.Environment["ESHOP_METRICS_ADDR"], "prometheus-docker.yml knows its metrics")
		}
		assert.Equal(t, 3, servers)
		assert.Len(t, scraped, servers)
		assert.Equal(t, "front", network, "where Prometheus is put")
		assert.True(t, compose.Networks["stores"].Internal)
		for _, store := range []string{"postgres", "redis"} {
			assert.Equal(t, []string{"stores"}, compose.Services[store].Networks, "%s is reached by servers alone", store)
		}
		for name, s := range compose.Services {
			for _, mount := range s.Volumes {
				if strings.HasPrefix(mount, "socket:") { // where PostgreSQL asks for no password
					assert.Contains(t, []string{"postgres", "roles"}, name)
				}
			}
		}
	})
	t.Run("no container leaves a volume without a name", func(t *testing.T) {
		for name, s := range compose.Services {
			for image, path := range map[string]string{"postgres:": "/var/lib/postgresql/data", "redis:": "/data"} {
				if strings.HasPrefix(s.Image, image) && name != "postgres" {
					assert.Contains(t, s.Tmpfs, path, name)
				}
			}
		}
		assert.Contains(t, compose.Services["postgres"].Volumes, "records:/var/lib/postgresql/data")
	})
	t.Run("it is the same shop from the folder above", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join("../..", "compose.yaml"))
		require.NoError(t, err)
		var above struct {
			Name    string
			Include []string
		}
		require.NoError(t, yaml.Unmarshal(text, &above))
		assert.Equal(t, compose.Name, above.Name)
		assert.Equal(t, []string{"deployment/docker/compose.yaml"}, above.Include)
	})
}

// scrapedInDocker is whom the Prometheus of prometheus-docker.yml asks for a server's metrics.
func scrapedInDocker(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../deployment/prometheus/prometheus-docker.yml")
	require.NoError(t, err)
	var conf struct {
		Jobs []struct {
			Static []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal(text, &conf))
	require.Len(t, conf.Jobs, 1)
	return conf.Jobs[0].Static[0].Targets
}

// prometheusNetwork is the network of compose.yaml on which prometheus-docker.yml and its README put a Prometheus.
func prometheusNetwork(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../deployment/prometheus/prometheus-docker.yml")
	require.NoError(t, err)
	found := regexp.MustCompile(`--network eshop_(\w+) `).FindSubmatch(text)
	require.NotNil(t, found)
	readme, err := os.ReadFile("../../deployment/README.md")
	require.NoError(t, err)
	assert.Contains(t, string(readme), "`eshop_"+string(found[1])+"`")
	return string(found[1])
}

// network is the kernel's table of a container's networks: 172.18.0.0/16, and a way out of it.
const network = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010012AC	0003	0	0	0	00000000	0	0	0
eth0	000012AC	00000000	0001	0	0	0	0000FFFF	0	0	0
`

// prepare runs prepare.sh in folder, as root would for the users of the containers, and returns what it
// says and by file who owns it.
func prepare(t *testing.T, folder, routes string, environ ...string) (said string, owners map[string]string, err error) {
	t.Helper()
	script, err := filepath.Abs(filepath.Join(composeFolder, "prepare.sh"))
	require.NoError(t, err)
	tools, table := t.TempDir(), filepath.Join(t.TempDir(), "route")
	require.NoError(t, os.WriteFile(table, []byte(routes), 0o600))
	chown := "#!/bin/sh\necho \"$2 $1\" >>" + filepath.Join(tools, "owners") + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(tools, "chown"), []byte(chown), 0o700)) //nolint:gosec // it is run
	run := exec.CommandContext(t.Context(), "sh", script, folder, table)
	run.Env = append(environ, "PATH="+tools+":"+os.Getenv("PATH"))
	out, err := run.CombinedOutput()
	owners = map[string]string{}
	noted, _ := os.ReadFile(filepath.Join(tools, "owners")) // there is none when it fails before
	for line := range strings.Lines(string(noted)) {
		file, owner, _ := strings.Cut(strings.TrimSpace(line), " ")
		owners[strings.TrimSuffix(file, ".new")] = owner
	}
	return string(out), owners, err
}

// written returns the files of folder, each of which only its owner and its group can read, but .env.
func written(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		about, err := entry.Info()
		require.NoError(t, err)
		mode := fs.FileMode(0o440)
		if entry.Name() == ".env" {
			mode = 0o444
		}
		assert.Equal(t, mode, about.Mode().Perm(), path)
		content, err := os.ReadFile(path)
		files[entry.Name()] = string(content)
		return err
	}))
	return files
}

func TestPrepare(t *testing.T) {
	const server, owner, redis = "65534:65534", "65533:65533", "65532:65532"
	t.Run("a shop begins with secrets of its own, which stay", func(t *testing.T) {
		folder := t.TempDir()
		said, owners, err := prepare(t, folder, network)
		require.NoError(t, err, said)
		assert.Contains(t, said, "john_doe / password123")
		first := written(t, folder)
		assert.Equal(t, "ESHOP_ENV=demo\nESHOP_TRUSTED_PROXIES=172.18.0.0/16\n", first[".env"])
		assert.Equal(t, map[string]string{
			"database_password": owner, "shop_password": owner, "owner_url": owner, "redis_password": redis,
			"database_url": server, "redis_url": server, "secret_key": server,
		}, owners)
		seen := map[string]bool{}
		for _, name := range []string{"database_password", "shop_password", "redis_password", "secret_key"} {
			assert.Regexp(t, `^[0-9a-f]{64}$`, first[name])
			seen[first[name]] = true
		}
		assert.Len(t, seen, 4)
		said, _, err = prepare(t, folder, strings.ReplaceAll(network, "000012AC", "0020A8C0"))
		require.NoError(t, err, said)
		again := written(t, folder)
		assert.Equal(t, "ESHOP_ENV=demo\nESHOP_TRUSTED_PROXIES=192.168.32.0/16\n", again[".env"])
		delete(first, ".env")
		delete(again, ".env")
		assert.Equal(t, first, again)
	})
	t.Run("passwords have any characters", func(t *testing.T) {
		for n, odd := range []string{`@:/?#%$'" ` + "`" + `\&=+;,[]{}<>|!*()~^`, " a b ", "%41%zz", "$(id)`id`${HOME}", "ünïcödé €", "-n", "''", `"`, `\`, "*", "a\\nb"} {
			folder := t.TempDir()
			said, _, err := prepare(t, folder, network, "DATABASE_PASSWORD=o"+odd, "SHOP_PASSWORD="+odd, "REDIS_PASSWORD=r"+odd, "SECRET_KEY="+odd)
			require.NoError(t, err, "%d: %s", n, said)
			files := written(t, folder)
			for file, want := range map[string]string{"owner_url": "o" + odd, "database_url": odd, "redis_url": "r" + odd} {
				at, err := url.Parse(files[file])
				require.NoError(t, err, file)
				password, _ := at.User.Password()
				assert.Equal(t, want, password, file)
				assert.Contains(t, []string{"postgres:5432/eshop", "redis:6379/0"}, at.Host+at.Path)
			}
			assert.Equal(t, odd, files["secret_key"])
			assert.Equal(t, "o"+odd, files["database_password"])
			assert.NotContains(t, said, odd)
		}
	})
	for name, c := range map[string]struct {
		before, environ []string
		kind            string
	}{
		"as its owner asks for the first time":              {nil, []string{"ASKED_ENV=production"}, "production"},
		"as .env says":                                      {nil, []string{"ESHOP_ENV=production", "ASKED_ENV=production"}, "production"},
		"from before the kind was asked for, as production": {nil, []string{"SECRET_KEY=" + strings.Repeat("k", 32)}, "production"},
		"as a demo beside a developer's settings":           {nil, []string{"ASKED_ENV=development"}, "demo"},
		"as what it was":                                    {[]string{"ASKED_ENV=production"}, nil, "production"},
		"as what it was, when somebody sets a key":          {[]string{}, []string{"SECRET_KEY=" + strings.Repeat("k", 32)}, "demo"},
		"as .env says from now on":                          {[]string{"ASKED_ENV=production"}, []string{"ESHOP_ENV=demo"}, "demo"},
	} {
		t.Run("it opens "+name, func(t *testing.T) {
			folder := t.TempDir()
			if c.before != nil {
				said, _, err := prepare(t, folder, network, c.before...)
				require.NoError(t, err, said)
			}
			said, _, err := prepare(t, folder, network, c.environ...)
			require.NoError(t, err, said)
			assert.Contains(t, written(t, folder)[".env"], "ESHOP_ENV="+c.kind+"\n")
			assert.Equal(t, c.kind == "demo", strings.Contains(said, "password123"), said)
		})
	}
	for name, c := range map[string]struct {
		environ []string
		routes  string
		says    string
	}{
		"another kind than it has begun with": {[]string{"ASKED_ENV=production"}, network, "has begun with ESHOP_ENV=demo"},
		"a kind that there is not":            {[]string{"ESHOP_ENV=staging"}, network, "demo or production"},
		"a developer's shop":                  {[]string{"ESHOP_ENV=development"}, network, "demo or production"},
		"a password of two lines":             {[]string{"REDIS_PASSWORD=hidden\nFLUSHALL"}, network, "REDIS_PASSWORD in deployment/docker/.env must be one line"},
		"no network":                          {nil, strings.SplitAfter(network, "\n")[0], "on no network"},
	} {
		t.Run("it refuses "+name+", and changes nothing", func(t *testing.T) {
			folder := t.TempDir()
			said, _, err := prepare(t, folder, network)
			require.NoError(t, err, said)
			before := written(t, folder)
			said, _, err = prepare(t, folder, c.routes, c.environ...)
			require.Error(t, err)
			assert.Contains(t, said, c.says)
			assert.NotContains(t, said, "hidden")
			assert.Equal(t, before, written(t, folder))
		})
	}
}
