import pytest
import yaml

from .conftest import SERVING


def documents(path):
    return list(yaml.safe_load_all((SERVING / path).read_text()))


def kind(path, name):
    (found,) = [item for item in documents(path) if item["kind"] == name]
    return found


@pytest.fixture
def deployment():
    return kind("kubernetes/deployment.yaml", "Deployment")


@pytest.fixture
def containers(deployment):
    pod = deployment["spec"]["template"]["spec"]
    return {container["name"]: container for container in pod["containers"]}


def test_everything_selects_the_pods_of_the_deployment(deployment):
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    services = documents("kubernetes/service.yaml")
    budget = kind("kubernetes/scaling.yaml", "PodDisruptionBudget")
    policy = kind("kubernetes/network_policy.yaml", "NetworkPolicy")
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        *(service["spec"]["selector"] for service in services),
        budget["spec"]["selector"]["matchLabels"],
        policy["spec"]["podSelector"]["matchLabels"],
    ]
    assert selectors == [labels] * len(selectors)


def test_the_monitor_finds_the_service_of_the_metrics():
    monitor = kind("kubernetes/service_monitor.yaml", "ServiceMonitor")
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    found = [
        service
        for service in documents("kubernetes/service.yaml")
        if wanted <= service["metadata"]["labels"].items()
    ]
    assert [service["metadata"]["name"] for service in found] == ["resattn-metrics"]
    ports = [port["name"] for port in found[0]["spec"]["ports"]]
    assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == ports


def test_the_scaler_measures_a_container_of_the_deployment(deployment, containers):
    scaler = kind("kubernetes/scaling.yaml", "HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    (metric,) = scaler["metrics"]
    assert (
        "cpu"
        in containers[metric["containerResource"]["container"]]["resources"]["requests"]
    )


def test_ports_by_name_are_ports_of_a_container(containers):
    names = {port["name"] for c in containers.values() for port in c["ports"]}
    for service in documents("kubernetes/service.yaml"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    policy = kind("kubernetes/network_policy.yaml", "NetworkPolicy")["spec"]
    for rule in policy["ingress"]:
        assert {port["port"] for port in rule["ports"]} <= names


def test_from_outside_only_the_gateway_is_reached(containers):
    (port,) = containers["gateway"]["ports"]
    public, metrics = documents("kubernetes/service.yaml")
    assert [item["targetPort"] for item in public["spec"]["ports"]] == [port["name"]]
    policy = kind("kubernetes/network_policy.yaml", "NetworkPolicy")["spec"]
    open_to_all = [rule for rule in policy["ingress"] if "from" not in rule]
    assert open_to_all == [{"ports": [{"port": port["name"]}]}]


@pytest.mark.parametrize("name", ["server", "gateway"])
def test_containers_are_locked_down(deployment, containers, name):
    assert deployment["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
    assert containers[name]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = [mount["mountPath"] for mount in containers[name]["volumeMounts"]]
    assert "/tmp" in mounts
    assert "memory" in containers[name]["resources"]["limits"]


def test_the_server_outlives_the_gateway_that_drains(deployment, containers):
    def seconds(container):
        words = " ".join(container["lifecycle"]["preStop"]["exec"]["command"]).split()
        return sum(int(word.strip(";")) for word in words if word.strip(";").isdigit())

    server, gateway = seconds(containers["server"]), seconds(containers["gateway"])
    grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert gateway < server < grace


def test_the_gateway_is_given_the_files_that_it_reads(deployment, containers):
    (generator,) = kind("kustomization.yaml", "Kustomization")["configMapGenerator"]
    keys = {path.rsplit("/", 1)[1] for path in generator["files"]}
    assert all((SERVING / path).is_file() for path in generator["files"])
    mounts = containers["gateway"]["volumeMounts"]
    assert {mount["subPath"] for mount in mounts if "subPath" in mount} == keys
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    (config_map,) = [v["configMap"]["name"] for v in volumes if "configMap" in v]
    assert config_map == generator["name"]
    assert "/etc/nginx/tls" in [mount["mountPath"] for mount in mounts]


def test_the_kustomization_names_files_that_are_there():
    resources = kind("kustomization.yaml", "Kustomization")["resources"]
    assert len(resources) == 4
    assert all((SERVING / path).is_file() for path in resources)


def test_what_compose_mounts_is_there_and_only_the_gateway_is_public():
    (compose,) = documents("compose.yaml")
    services = compose["services"]
    for service in services.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and source != "./tls":  # which the user makes
                assert (SERVING / source).is_file(), source
    public = [
        port
        for service in services.values()
        for port in service.get("ports", [])
        if not port.startswith("127.0.0.1:")
    ]
    assert public == ["8443:8443"]
    assert services["server"]["network_mode"] == "service:gateway"
    for name in ("server", "gateway"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
