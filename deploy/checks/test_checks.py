"""That each check complains when it should: the deployment's own files, with one thing wrong in each test."""

import copy
import tempfile
import unittest
from pathlib import Path

import kubernetes
import machine
from programs import SOURCES, unknown_options, unknown_variables

DEPLOY = SOURCES / "deploy"


class Programs(unittest.TestCase):
    def test_an_option_or_variable_that_no_program_has_is_found(self):
        self.assertEqual(unknown_options(["run", "--since-last", "--if-changed"]), [])
        self.assertEqual(len(unknown_options(["run", "--since-yesterday"])), 1)
        self.assertEqual(unknown_variables({"AKIN_STORE", "AKIN_LOG", "AWS_REGION"}), [])
        self.assertEqual(len(unknown_variables({"AKIN_STORAGE"})), 1)


class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.kustomization, self.files = copy.deepcopy(kubernetes.load(DEPLOY / "kubernetes/base"))
        self.serve = self.files["serve.yaml"][0]["spec"]
        self.pod = self.serve["template"]["spec"]
        self.container = self.pod["containers"][0]

    def complains(self, about: str):
        found = kubernetes.problems(self.kustomization, self.files)
        self.assertEqual(len(found), 1, found)
        self.assertIn(about, found[0])

    def test_the_documents_are_fine_as_they_are(self):
        self.assertEqual(kubernetes.problems(self.kustomization, self.files), [])

    def test_a_file_that_is_not_named(self):
        self.kustomization["resources"].remove("accounts.yaml")
        self.complains("accounts.yaml")

    def test_a_pod_that_may_be_root(self):
        self.pod["securityContext"]["runAsNonRoot"] = False
        self.complains("root")

    def test_a_container_that_may_write_everywhere(self):
        self.container["securityContext"]["readOnlyRootFilesystem"] = False
        self.complains("readOnlyRootFilesystem")

    def test_a_container_without_a_limit(self):
        del self.container["resources"]["limits"]
        self.complains("memory")

    def test_a_probe_where_nothing_answers(self):
        self.container["readinessProbe"]["httpGet"]["path"] = "/healthy"
        self.complains("/healthy")

    def test_a_setting_that_no_program_reads(self):
        self.files["settings.yaml"][0]["data"]["AKIN_STORAGE"] = "s3://bucket"
        found = kubernetes.problems(self.kustomization, self.files)
        self.assertIn("StatefulSet akin-serve: no program reads AKIN_STORAGE", found)

    def test_an_argument_that_akin_batch_does_not_have(self):
        run = self.files["batch.yaml"][0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
        run["args"].append("--often")
        self.complains("--often")

    def test_a_service_that_finds_no_pod(self):
        self.files["services.yaml"][0]["spec"]["selector"] = {"app.kubernetes.io/name": "akin-server"}
        self.complains("akin-server")

    def test_replicas_that_undo_the_autoscaler(self):
        self.serve["replicas"] = 2
        self.complains("replicas")

    def test_a_volume_that_is_not_there(self):
        self.container["volumeMounts"][0]["name"] = "ledgers"
        self.complains("ledgers")


class Machine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name).resolve()

    def units_with(self, old: str, new: str) -> list[str]:
        sources = self.work / "sources"
        sources.mkdir()
        for file in (DEPLOY / "systemd").iterdir():
            text = file.read_text()
            if file.name == "akin-serve.service":
                self.assertIn(old, text)
                text = text.replace(old, new)
            (sources / file.name).write_text(text)
        return machine.units(sources, self.work / "units")

    def test_a_key_that_systemd_does_not_know(self):
        self.assertIn("RestartSecs", self.units_with("RestartSec=", "RestartSecs=")[0])

    def test_a_program_that_is_not_there(self):
        self.assertIn("akin-server", "".join(self.units_with("bin/akin-serve\n", "bin/akin-server\n")))

    def test_a_unit_that_may_do_much(self):
        self.assertIn("exposure", self.units_with("CapabilityBoundingSet=\n", "PrivateNetwork=false\n")[0])

    def test_a_crontab_that_cron_would_misread(self):
        self.assertEqual(machine.crontab("15 3 * * 0 akin-batch gc --delete\n"), [])
        self.assertEqual(len(machine.crontab("15 3 * * akin-batch gc --delete\n")), 1)
        self.assertEqual(len(machine.crontab("15 3 * * 0 akin-batch gc --remove\n")), 1)
        self.assertEqual(len(machine.crontab("15 3 * * 0 akin-batch gc > $(date +%F)\n")), 1)

    def test_an_nginx_directive_that_does_not_exist_or_is_incomplete(self):
        text = (DEPLOY / "nginx/akin.conf").read_text()
        for old, new in [("proxy_buffering off;", "proxy_bufering off;"), ("listen 80;", "listen;")]:
            file = self.work / "akin.conf"
            file.write_text(text.replace(old, new))
            self.assertEqual(len(machine.nginx(file, self.work)), 1, old)


if __name__ == "__main__":
    unittest.main()
