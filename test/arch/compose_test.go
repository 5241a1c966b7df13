package arch

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// service is a container of compose.yaml, as far as it is looked at.
type service struct {
	Restart     string
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	MemLimit    string   `yaml:"mem_limit"`
	PidsLimit   int      `yaml:"pids_limit"`
	ReadOnly    bool     `yaml:"read_only"`
	Ports       []string
	Command     yaml.Node
	Environment map[string]string
	Logging     struct {
		Options map[string]string
	}
	DependsOn map[string]struct{ Condition string } `yaml:"depends_on"`
	Networks  yaml.Node
}

// TestCompose holds that the shop in containers comes back after a reboot, fills no disk with logs,
// and gives nobody more rights than they need.
func TestCompose(t *testing.T) {
	folder := filepath.Join("../..", "deployment", "docker")
	text, err := os.ReadFile(filepath.Join(folder, "compose.yaml"))
	require.NoError(t, err)
	var compose struct {
		Services map[string]service
		Networks map[string]struct{ Internal bool }
	}
	require.NoError(t, yaml.Unmarshal(text, &compose))
	var command []string
	opening := compose.Services["nginx"].Command
	require.NoError(t, opening.Decode(&command))
	require.Contains(t, strings.Join(command, " "), `s/127\.0\.0\.1:500\([1-9]\)/172.31.251.1\1:500\1/`, "where nginx finds the servers")
	upstream := strings.Fields(readNginx(t).within(t, "upstream ecommerce_backend").directives["server"])

	ends := map[string]bool{} // services that do something and end
	for _, s := range compose.Services {
		for name, needed := range s.DependsOn {
			ends[name] = ends[name] || needed.Condition == "service_completed_successfully"
		}
	}
	servers, scraped, network := 0, scrapedInDocker(t), prometheusNetwork(t)
	require.Contains(t, compose.Networks, network, "where Prometheus is put")
	assert.False(t, compose.Networks[network].Internal, "the stores are not there")
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
			}
			if name != "nginx" {
				assert.Empty(t, s.Ports, "nginx alone can be reached from outside")
			}
			for key, value := range s.Environment {
				if regexp.MustCompile(`PASSWORD|SECRET`).MatchString(key) {
					assert.Regexp(t, `^\$\{[A-Z_]+\}$`, value, "a secret stands in no file of the project")
				}
			}
			if s.Environment["SERVER_NAME"] == "" || ends[name] {
				return
			}
			servers++
			assert.True(t, s.ReadOnly)
			assert.Contains(t, scraped, name+s.Environment["ESHOP_METRICS_ADDR"], "prometheus-docker.yml knows its metrics")
			assert.NotEqual(t, userOf(t, compose.Services["migrate"]), userOf(t, s), "a server is not the owner of the tables")
			var networks map[string]struct {
				Address string `yaml:"ipv4_address"`
			}
			require.NoError(t, s.Networks.Decode(&networks))
			number := strings.TrimPrefix(s.Environment["PORT"], "500")
			assert.Contains(t, upstream, "127.0.0.1:500"+number)
			assert.Equal(t, "172.31.251.1"+number, networks["shop"].Address, "nginx knows it")
			var front map[string]struct {
				Address string `yaml:"ipv4_address"`
			}
			nginx := compose.Services["nginx"]
			require.NoError(t, nginx.Networks.Decode(&front))
			assert.Equal(t, front["shop"].Address+"/32", s.Environment["ESHOP_TRUSTED_PROXIES"], "nginx alone is believed")
		})
	}
	assert.Equal(t, 3, servers)
	assert.Len(t, scraped, servers)
	assert.True(t, compose.Networks["stores"].Internal)
	for _, store := range []string{"postgres", "redis"} {
		var networks []string
		s := compose.Services[store]
		require.NoError(t, s.Networks.Decode(&networks))
		assert.True(t, slices.Equal([]string{"stores"}, networks), "%s is reached by servers alone", store)
	}
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

func userOf(t *testing.T, s service) string {
	t.Helper()
	// The password's place holder is no part of a URL.
	at, err := url.Parse(regexp.MustCompile(`\$\{[A-Z_]+\}`).ReplaceAllString(s.Environment["DATABASE_URL"], "x"))
	require.NoError(t, err)
	require.NotEmpty(t, at.User.Username())
	return at.User.Username()
}
