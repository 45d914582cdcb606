"""That each check complains when it should: the deployment's own files, with one thing wrong in each test."""

import copy
import json
import os
import re
import shlex
import subprocess
import tempfile
import unittest
from pathlib import Path

import aws
import clocks
import cloudformation
import grafana
import kubernetes
import machine
import prometheus
import rights
from programs import SOURCES, unknown_options, unknown_variables

DEPLOY = SOURCES / "deploy"


class Programs(unittest.TestCase):
    def test_an_option_or_variable_that_no_program_has_is_found(self):
        self.assertEqual(unknown_options(["run", "--since-last", "--if-changed"]), [])
        self.assertEqual(len(unknown_options(["run", "--since-yesterday"])), 1)
        self.assertEqual(unknown_variables({"AKIN_STORE", "AKIN_LOG", "AWS_REGION"}), [])
        self.assertEqual(len(unknown_variables({"AKIN_STORAGE"})), 1)


class Clocks(unittest.TestCase):
    def test_an_hour_that_a_clock_skips_or_repeats_is_found_with_a_place(self):
        # The nights on which summer time begins in Germany, Finland and Egypt, and one on which it ends in Chile.
        for hour, minute in [(2, 30), (3, 15), (0, 15), (23, 30)]:
            self.assertIn(f"{hour:02}:{minute:02} is skipped", clocks.problem(hour, minute) or "")
        self.assertIn((120, 180, "Europe/Berlin"), {change[:3] for change in clocks.changes()})
        for hour in range(4, 21):
            self.assertIsNone(clocks.problem(hour, 15, 10))
        # A delay may reach into such an hour.
        self.assertIsNone(clocks.problem(20, 55))
        self.assertIn("20:55", clocks.problem(20, 55, 10))


class Prometheus(unittest.TestCase):
    FILES = sorted((DEPLOY / "prometheus").glob("*.yml"))

    def test_the_rules_are_fine_as_they_are(self):
        self.assertEqual([file.name for file in self.FILES], ["akin-kubernetes.rules.yml", "akin.rules.yml"])
        for file in self.FILES:
            self.assertEqual(prometheus.problems(file.read_text()), [], file.name)

    def test_a_rule_that_prometheus_would_not_load_or_a_person_not_understand(self):
        text = self.FILES[1].read_text()
        for old, new, about in [
            ("expr: akin_ready == 0", "expr: akin_ready == == 0", "akin_ready == == 0"),
            ("absent(akin_ready)", "absent(akin_ready, 1)", "absent"),
            ("expr: akin_ready == 0", "expr: recommender_ready == 0", "recommender_ready is nobody's metric"),
            ("for: 10m", "for: ten minutes", "for: "),
            ("for: 10m", "after: 10m", "Prometheus knows no after"),
            ("severity: critical", "severity: panic", "neither critical nor warning"),
            ("description: None is up", "discretion: None is up", "no description"),
            ("alert: AkinGone", "alert: AkinRunOverdue", "two of this name"),
        ]:
            self.assertIn(old, text)
            found = prometheus.problems(text.replace(old, new, 1))
            self.assertEqual(len(found), 1, found)
            self.assertIn(about, found[0])


class Grafana(unittest.TestCase):
    TEXT = (DEPLOY / "grafana/akin.json").read_text()

    def test_the_dashboard_is_fine_as_it_is(self):
        self.assertEqual(grafana.problems(self.TEXT), [])

    def test_a_panel_that_shows_nothing_or_lies_over_another(self):
        for old, new, about in [
            ("akin_ready{job", "akin_redy{job", "the server has no metric akin_redy"),
            ("akin_commit_duration_seconds_bucket", "akin_commit_duration_bucket_seconds", "the server has no metric"),
            ("(akin_queue_ratings", "((akin_queue_ratings", "akin_queue_ratings"),
            ("instance=~\\\"$instance\\\"", "instance=~\\\"$server\\\"", "there is no variable $server"),
            ("\"uid\": \"${datasource}\"\n   },\n   \"targets\"", "\"uid\": \"x\"\n   },\n   \"targets\"", None),
            ("\"id\": 3,", "\"id\": 2,", "its id 2 is another's"),
            ("\"x\": 6,", "\"x\": 5,", "it lies over"),
            ("\"x\": 18,", "\"x\": 19,", "beyond the last column"),
            ("\"description\": \"Resident.\"", "\"description\": \"\"", "it has no description"),
        ]:
            self.assertIn(old, self.TEXT)
            found = grafana.problems(self.TEXT.replace(old, new, 1))
            self.assertEqual(bool(found), about is not None, (old, found))
            if about:
                self.assertTrue(any(about in problem for problem in found), found)


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

    def test_a_schedule_where_clocks_change(self):
        self.files["batch.yaml"][0]["spec"]["timeZone"] = "Europe/Helsinki"
        self.complains("CronJob akin-batch: its hour")
        del self.files["batch.yaml"][0]["spec"]["timeZone"]
        self.complains("CronJob akin-batch: its hour")

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

    def test_a_unit_that_fails_in_silence(self):
        [found] = self.units_with("OnFailure=akin-alarm@%n.service\n", "")
        self.assertEqual(found, "akin-serve.service: nobody is told when it fails")

    def test_an_alarm_says_what_failed_and_does_what_it_is_told_to(self):
        text = (DEPLOY / "systemd" / machine.ALARM).read_text()
        # As systemd reads them: `$$` is a dollar sign.
        commands = [shlex.split(line.replace("$$", "$")) for line in re.findall(r"(?m)^ExecStart=(.*)$", text)]

        def said(**environment):
            environment["AKIN_FAILED_UNIT"] = "akin-batch.service"
            ran = [subprocess.run(command, env=environment, capture_output=True, text=True) for command in commands]
            self.assertEqual([(run.returncode, run.stderr) for run in ran], [(0, "")] * len(commands))
            return [run.stdout for run in ran]

        line = "akin-batch.service failed: exit-code, exit status 3; journalctl -u akin-batch.service says why\n"
        monitored = {"MONITOR_SERVICE_RESULT": "exit-code", "MONITOR_EXIT_STATUS": "3"}
        self.assertEqual(said(**monitored), [line, ""])
        told = said(**monitored, AKIN_ALARM_COMMAND='echo "$AKIN_FAILED_UNIT: $MONITOR_EXIT_STATUS" | tr a-z A-Z')
        self.assertEqual(told, [line, "AKIN-BATCH.SERVICE: 3\n"])
        # Where systemd is older than 251 it does not say how it failed.
        self.assertIn("failed: unknown, exit status unknown;", said()[0])

    def test_a_crontab_that_cron_would_misread(self):
        self.assertEqual(machine.crontab("15 4 * * 0 akin-batch gc --delete\n"), [])
        self.assertEqual(len(machine.crontab("15 4 * * akin-batch gc --delete\n")), 1)
        self.assertEqual(len(machine.crontab("15 4 * * 0 akin-batch gc --remove\n")), 1)
        self.assertEqual(len(machine.crontab("15 4 * * 0 akin-batch gc > $(date +%F)\n")), 1)

    def test_a_time_that_clocks_skip(self):
        [found] = machine.crontab("15 3 * * * akin-batch gc --delete\n")
        self.assertIn("03:15 is skipped", found)
        self.assertEqual(machine.timer("a.timer", "OnCalendar=Sun *-*-* 05:15\nRandomizedDelaySec=10min\n"), [])
        self.assertEqual(machine.timer("a.timer", "OnCalendar=*-*-* 03:15 UTC\n"), [])
        for time in ("03:15", "03:15:00", "03:15 Europe/Helsinki"):
            [found] = machine.timer("a.timer", f"[Timer]\nOnCalendar=*-*-* {time}\nPersistent=true\n")
            self.assertIn("a.timer: ", found)
        [found] = machine.timer("a.timer", "OnCalendar=*-*-* 20:55\nRandomizedDelaySec=10min\n")
        self.assertIn("20:55", found)

    def test_an_nginx_directive_that_does_not_exist_or_is_incomplete(self):
        text = (DEPLOY / "nginx/akin.conf").read_text()
        for old, new in [("proxy_buffering off;", "proxy_bufering off;"), ("listen 80;", "listen;")]:
            file = self.work / "akin.conf"
            file.write_text(text.replace(old, new))
            self.assertEqual(len(machine.nginx(file, self.work)), 1, old)

    def test_an_nginx_location_that_stands_twice_in_a_server(self):
        text = (DEPLOY / "nginx/akin.conf").read_text()
        file = self.work / "akin.conf"
        for location in ["= /metrics", "/health/", "~ ^/executions/.+/events$"]:
            block = f"location {location} {{"
            self.assertIn(block, text)
            file.write_text(text.replace(block, f"location {location} {{\n        return 404;\n    }}\n    {block}"))
            [found] = machine.nginx(file, self.work)
            self.assertIn(f"location {location} stands twice", found)
        # The first server is another one: what stands in both is no repetition.
        file.write_text(text.replace("    return 308 ", "    location = /metrics {\n        return 404;\n    }\n    return 308 "))
        self.assertEqual(machine.nginx(file, self.work), [])

    def test_the_nginx_configuration_is_fine_as_it_is(self):
        self.assertEqual(machine.nginx(DEPLOY / "nginx/akin.conf", self.work), [])


class Aws(unittest.TestCase):
    def setUp(self):
        self.template = cloudformation.load(DEPLOY / "aws/template.yaml")
        self.documentation = (SOURCES / "docs/store.md").read_text()

    def properties(self, name: str) -> dict:
        return self.template["Resources"][name]["Properties"]

    def container(self, name: str) -> dict:
        return self.properties(name)["ContainerDefinitions"][0]

    def statement(self, role: str, policy: str, action: str) -> dict:
        for document in self.properties(role)["Policies"]:
            for statement in document["PolicyDocument"]["Statement"]:
                if document["PolicyName"] == policy and action in cloudformation.as_list(statement["Action"]):
                    return statement
        raise AssertionError(f"{role} has no {action}")

    def complains(self, *about: str):
        found = aws.problems(self.template, DEPLOY / "aws") + rights.problems(self.template, self.documentation)
        self.assertEqual(len(found), len(about), found)
        for text in about:
            self.assertTrue(any(text in problem for problem in found), found)

    def test_the_template_is_fine_as_it_is(self):
        self.complains()

    def test_an_activity_that_the_state_machine_is_not_given(self):
        del self.properties("Workflow")["DefinitionSubstitutions"]["PublishActivityArn"]
        self.complains("wants PublishActivityArn")

    def test_a_stage_whose_tasks_nobody_takes(self):
        entry = next(one for one in aws.environment(self.container("WorkerTask")) if one["Name"] == "AKIN_ACTIVITIES")
        entry["Value"]["Fn::Sub"] = entry["Value"]["Fn::Sub"].replace("publish=", "published=")
        self.complains("no worker takes the tasks of publish")

    def test_a_variable_that_no_program_reads(self):
        [on_condition] = [one for one in self.container("ServeTask")["Environment"] if "Fn::If" in one]
        on_condition["Fn::If"][1]["Name"] = "AKIN_ALLOWED"
        self.container("ServeTask")["Environment"].append({"Name": "AKIN_STORAGE", "Value": "x"})
        self.complains("no program reads AKIN_STORAGE", "no program reads AKIN_ALLOWED")

    def test_options_that_programs_do_not_have(self):
        self.container("GcTask")["Command"].append("--quickly")
        self.container("WorkerTask")["Command"].append("--exit-when-bored")
        self.complains("akin-batch has no option --quickly", "the worker has no option --exit-when-bored")

    def test_a_container_that_may_write_everywhere_or_be_root(self):
        self.container("ServeTask")["ReadonlyRootFilesystem"] = False
        self.container("GcTask")["User"] = "0"
        self.complains("ReadonlyRootFilesystem", "User")

    def test_paths_where_nothing_answers(self):
        self.properties("Reading")["Conditions"][0]["PathPatternConfig"]["Values"].append("/films/*")
        self.properties("ServeTargets")["HealthCheckPath"] = "/healthy"
        self.complains("/films/*", "/healthy")

    def test_a_schedule_where_clocks_change(self):
        schedules = cloudformation.of_type(self.template, "AWS::Scheduler::Schedule")
        next(iter(schedules.values()))["ScheduleExpressionTimezone"] = "Europe/Berlin"
        self.complains("its hour is skipped")

    def test_two_servers_on_one_ledger(self):
        self.properties("ServeService")["DeploymentConfiguration"]["MaximumPercent"] = 200
        self.complains("one ledger")

    def test_actions_that_are_many_or_none(self):
        self.statement("ServeRole", "ledger", "elasticfilesystem:ClientMount")["Action"] = "elasticfilesystem:Client*"
        self.statement("BatchRole", "input", "s3:GetObject")["Action"] = "s3:FetchObject"
        self.complains("more than one action", "AWS has no action s3:FetchObject")

    def test_a_right_on_everything_that_could_be_on_a_resource(self):
        self.statement("BatchRole", "tasks", "states:GetActivityTask")["Resource"] = "*"
        self.complains("states:GetActivityTask is allowed on everything")

    def test_a_server_that_may_delete(self):
        statement = self.statement("ServeRole", "store", "s3:PutObject")
        statement["Action"] = [*statement["Action"], "s3:DeleteObject"]
        self.complains("only gc deletes", "the documentation does not tell of s3:DeleteObject", "ratings stay")

    def test_a_server_that_may_publish(self):
        statement = self.statement("ServeRole", "store", "s3:PutObject")
        statement["Resource"] = [statement["Resource"], {"Fn::Sub": "${Bucket.Arn}/${StorePrefix}/manifests/*"}]
        self.complains("writes nothing but", "not tell of s3:PutObject", "not tell of s3:AbortMultipartUpload")

    def test_a_batch_that_may_write_ratings_or_stop_executions(self):
        statement = self.statement("BatchRole", "store", "s3:PutObject")
        statement["Resource"].append({"Fn::Sub": "${Bucket.Arn}/${StorePrefix}/rat*"})
        self.statement("BatchRole", "tasks", "states:SendTaskSuccess")["Action"].append("states:StopExecution")
        self.complains(
            "only servers write", "not tell of s3:PutObject", "not tell of s3:AbortMultipartUpload",
            "states:StopExecution is allowed on everything", "executions are the schedule's business",
        )

    def test_a_clean_up_that_may_delete_manifests(self):
        self.statement("GcRole", "store", "s3:DeleteObject")["Resource"].append(
            {"Fn::Sub": "${Bucket.Arn}/${StorePrefix}/manifests/*"}
        )
        self.complains("manifests and ratings stay", "not tell of s3:DeleteObject")

    def test_a_documentation_that_tells_of_less_or_more(self):
        old = "`prefix/manifests/*`, `prefix/ratings/*` | `prefix/*` |"
        self.assertIn(old, self.documentation)
        self.documentation = self.documentation.replace(old, "`prefix/manifests/*`, `prefix/reports/*` | `prefix/*` |")
        self.complains("does not tell of s3:ListBucket on prefix/ratings/*", "tells of s3:ListBucket on prefix/reports/*")

    def test_a_managed_policy(self):
        self.properties("ServeRole")["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/AdministratorAccess"]
        self.complains("somebody else's")

    def test_the_schedule_starts_a_run_with_what_the_state_machine_takes(self):
        values = {"Bucket": "b", "StorePrefix": "akin", "Ratings": "r.csv", "Items": "", "Shards": "2"}
        document = aws.run_input(self.template, values)
        self.assertEqual(document.keys(), {"store", "options", "shards"})
        self.assertEqual((document["store"], document["shards"]), ("s3://b/akin", 2))
        self.assertEqual(unknown_options([f"--{name}" for name in document["options"]]), [])
        document = aws.run_input(self.template, {**values, "Items": "m.csv"})
        self.assertEqual(document["options"]["items"], "s3://b/input/m.csv")


class AwsScript(unittest.TestCase):
    def dry_run(self, *arguments: str) -> tuple[int, list[str]]:
        command = [DEPLOY / "aws.sh", "--dry-run", *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, env={"PATH": os.environ["PATH"]})
        return ran.returncode, [line for line in (ran.stderr + ran.stdout).splitlines() if line]

    def test_it_builds_what_the_dockerfile_has_and_the_template_names(self):
        code, lines = self.dry_run("--stack", "mine", "--tag", "v1", "VpcId=vpc-1")
        self.assertEqual(code, 0, lines)
        stages = re.findall(r"(?m)^FROM \S+ AS (\w+)$", (DEPLOY / "container/Dockerfile").read_text())
        tasks = cloudformation.of_type(cloudformation.load(DEPLOY / "aws/template.yaml"), "AWS::ECS::TaskDefinition")
        images = {cloudformation.text(task["ContainerDefinitions"][0]["Image"]) for task in tasks.values()}
        wanted = {re.search(r"/akin/(\w+):\$\{ImageTag\}$", image).group(1) for image in images}
        built = [re.search(r"--target (\w+) -t \S+/akin/(\w+):v1 ", line) for line in lines]
        built = {match.groups() for match in built if match}
        self.assertEqual(built, {(image, image) for image in wanted})
        self.assertLessEqual(wanted, set(stages))
        [deploy] = [line for line in lines if "cloudformation deploy" in line]
        self.assertIn("--stack-name mine", deploy)
        self.assertTrue(deploy.rstrip().endswith("--parameter-overrides ImageTag=v1 VpcId=vpc-1"), deploy)
        self.assertTrue(any(line.startswith("together") for line in lines), lines)

    def run_with_an_account_played_here(self, *arguments: str, bucket: str = "true", builder: str = "docker"):
        """Its exit code, what it said, and the commands it ran; `bucket` is what looking for a bucket comes to."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        ran = Path(folder.name) / "ran"
        ran.touch()
        answers = {
            "aws": f"""case $* in
                *get-caller-identity*) echo 123456789012 ;;
                *get-login-password*) echo secret ;;
                *describe-images*) false ;;
                *head-bucket*) {bucket} ;;
            esac""",
            **dict.fromkeys(("docker", "podman", "buildah"), "false"),
            builder: "if [ $1 = login ]; then cat > /dev/null; fi",
        }
        for name, answer in answers.items():
            program = Path(folder.name) / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> {ran}\n{answer}\n')
            program.chmod(0o755)
        environment = {"PATH": f"{folder.name}:{os.environ['PATH']}", "AWS_REGION": "eu-central-1"}
        command = [DEPLOY / "aws.sh", "--tag", "v1", *arguments]
        script = subprocess.run(command, capture_output=True, text=True, env=environment)
        return script.returncode, script.stderr, ran.read_text().splitlines()

    def test_what_is_deployed_lies_in_a_bucket_of_the_account_alone(self):
        own = "akin-packages-123456789012-eu-central-1"
        missing = "echo 'An error occurred (404) when calling the HeadBucket operation: Not Found' >&2; false"
        for bucket, made in [("true", []), (missing, [f"aws s3 mb s3://{own}"])]:
            code, said, ran = self.run_with_an_account_played_here(bucket=bucket)
            self.assertEqual(code, 0, said)
            self.assertEqual([line for line in ran if " s3 mb " in line], made)
            [asked] = [line for line in ran if "head-bucket" in line]
            self.assertIn("--expected-bucket-owner 123456789012", asked)
            self.assertTrue(any("cloudformation deploy" in line for line in ran), ran)

    def test_nothing_is_put_into_a_bucket_that_may_be_another_accounts(self):
        for status, reason in [("403", "another account's"), ("500", "(500)")]:
            refusal = f"echo 'An error occurred ({status}) when calling the HeadBucket operation' >&2; false"
            code, said, ran = self.run_with_an_account_played_here("--packages", "mine", bucket=refusal)
            self.assertEqual(code, 2, said)
            self.assertIn(reason, said)
            self.assertIn("bucket mine", said)
            self.assertFalse([line for line in ran if " s3 mb " in line or "cloudformation" in line], ran)

    def test_no_image_that_a_stack_may_name_is_deleted(self):
        code, said, ran = self.run_with_an_account_played_here()
        self.assertEqual(code, 0, said)
        policies = [line.partition("--lifecycle-policy-text ")[2] for line in ran if "put-lifecycle-policy" in line]
        self.assertEqual(len(policies), 3)
        for policy in policies:
            self.assertEqual([rule["selection"]["tagStatus"] for rule in json.loads(policy)["rules"]], ["untagged"])

    def test_every_builder_builds_for_the_processor_of_the_tasks(self):
        for builder in ("docker", "podman", "buildah"):
            code, said, ran = self.run_with_an_account_played_here(builder=builder)
            self.assertEqual(code, 0, said)
            built = [line for line in ran if "--target" in line]
            self.assertEqual(len(built), 3)
            for line in built:
                self.assertTrue(line.startswith(f"{builder} ") and "--platform linux/amd64" in line, line)

    def test_it_says_what_it_does_not_understand(self):
        code, lines = self.dry_run("--tag", "v1", "vpc-1")
        self.assertEqual(code, 2)
        self.assertIn("vpc-1", lines[0])


if __name__ == "__main__":
    unittest.main()
