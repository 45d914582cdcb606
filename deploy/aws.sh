#!/usr/bin/env bash
# Builds the images, pushes them to this account's registry, and deploys deploy/aws/template.yaml. Run again, it deploys
# what changed; with nothing changed it changes nothing.
#
#   deploy/aws.sh [--stack akin] [--tag TAG] [--packages BUCKET] [--dry-run] NAME=VALUE...
#
# NAME=VALUE are parameters of the template. The first time it wants VpcId, TaskSubnetA, TaskSubnetB,
# LoadBalancerSubnetIds, CertificateArn and ClientCidr; later those not given stay as they are. --dry-run prints each
# command instead of running it, and needs neither an account nor a network. --packages is the bucket that what is deployed
# goes through, akin-packages-ACCOUNT-REGION unless given; it is made when there is none. Region and credentials are found
# as by every AWS tool. Needs aws (version 2), git, python3, and one of docker, podman, buildah.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "aws.sh: $*" >&2
    exit 2
}

stack=akin tag='' packages='' dry_run='' parameters=()
while [ $# -gt 0 ]; do
    case $1 in
        --stack) stack=${2:?"--stack wants a name"}; shift ;;
        --tag) tag=${2:?"--tag wants a name"}; shift ;;
        --packages) packages=${2:?"--packages wants the name of a bucket"}; shift ;;
        --dry-run) dry_run=yes ;;
        [A-Z]*=*) parameters+=("$1") ;;
        *) fail "what is '$1'? deploy/aws.sh [--stack NAME] [--tag TAG] [--packages BUCKET] [--dry-run] NAME=VALUE..." ;;
    esac
    shift
done

# Prints a command, and runs it unless only printing is asked for.
run() {
    printf '+ %s\n' "$(printf '%q ' "$@")" >&2
    [ -n "$dry_run" ] || "$@"
}

# What a command answers, or what stands for it in a dry run.
ask() {
    local instead=$1
    shift
    printf '+ %s\n' "$(printf '%q ' "$@")" >&2
    if [ -n "$dry_run" ]; then echo "$instead"; else "$@"; fi
}

builder=''
for one in docker podman buildah; do
    # The client of docker may be there without what it speaks to.
    if command -v "$one" > /dev/null && "$one" info > /dev/null 2>&1; then builder=$one; break; fi
done
if [ -z "$builder" ]; then
    [ -n "$dry_run" ] || fail "none of docker, podman and buildah works here; start or install one"
    builder=docker
fi
[ -n "$dry_run" ] || command -v aws > /dev/null || fail "aws is missing; install the AWS CLI, version 2"

# An image is known by what it was built from: a tag is never moved, and what is pushed already is not built again.
if [ -z "$tag" ]; then
    [ -z "$(git status --porcelain)" ] || fail "there are changes that are not committed; commit them, or name the images: --tag"
    tag=$(git rev-parse --short=12 HEAD)
fi

region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(ask eu-central-1 aws configure get region || true)}}
[ -n "$region" ] || fail "no region is set; set AWS_REGION"
export AWS_REGION=$region AWS_DEFAULT_REGION=$region AWS_PAGER=''
account=$(ask 000000000000 aws sts get-caller-identity --query Account --output text)
registry=$account.dkr.ecr.$region.amazonaws.com

build() {
    case $builder in
        buildah) run buildah bud --platform linux/amd64 -f deploy/container/Dockerfile --target "$1" -t "$2" . ;;
        *) run "$builder" build --platform linux/amd64 -f deploy/container/Dockerfile --target "$1" -t "$2" . ;;
    esac
}

echo "== images, tag $tag, by $builder" >&2
logged_in=''
# An image with a tag stays: any stack of the account may run it, however many were pushed since.
untagged='{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1}'
lifecycle='{"rules":[{"rulePriority":1,"selection":'$untagged',"action":{"type":"expire"}}]}'
for image in serve batch worker; do
    if [ -n "$dry_run" ] || ! aws ecr describe-repositories --repository-names "akin/$image" > /dev/null 2>&1; then
        run aws ecr create-repository --repository-name "akin/$image" --image-tag-mutability IMMUTABLE \
            --image-scanning-configuration scanOnPush=true --output text > /dev/null
    fi
    # Told every time, so that what an earlier script told a repository is undone.
    run aws ecr put-lifecycle-policy --repository-name "akin/$image" --output text --lifecycle-policy-text "$lifecycle" \
        > /dev/null
    if [ -z "$dry_run" ] && aws ecr describe-images --repository-name "akin/$image" --image-ids "imageTag=$tag" \
        > /dev/null 2>&1; then
        echo "akin/$image:$tag is there" >&2
        continue
    fi
    if [ -z "$logged_in" ]; then
        echo "+ aws ecr get-login-password | $builder login --username AWS --password-stdin $registry" >&2
        [ -n "$dry_run" ] || aws ecr get-login-password | "$builder" login --username AWS --password-stdin "$registry" >&2
        logged_in=yes
    fi
    build "$image" "$registry/akin/$image:$tag"
    run "$builder" push "$registry/akin/$image:$tag"
done

echo "== the stack $stack in $region" >&2
# Where the state machine's definition goes on its way. Its names are checksums of what is in it.
packages=${packages:-akin-packages-$account-$region}

# Whether the bucket is there, as this account's. Its name can be guessed: another account that had made it first could
# change what is deployed from it, with the rights of whoever deploys.
has_bucket() {
    local answer
    answer=$(aws s3api head-bucket --bucket "$packages" --expected-bucket-owner "$account" 2>&1 > /dev/null) && return
    case $answer in
        *'(404)'*) return 1 ;;
        *'(403)'*) fail "the bucket $packages is another account's, or you may not look at it;" \
            "name one of account $account: --packages, or ask for s3:ListBucket on it" ;;
        *) fail "cannot look at the bucket $packages: $answer; try again, or name another: --packages" ;;
    esac
}

if [ -n "$dry_run" ] || ! has_bucket; then
    run aws s3 mb "s3://$packages"
    run aws s3api put-public-access-block --bucket "$packages" --public-access-block-configuration \
        BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
fi
packaged=$(mktemp)
trap 'rm -f "$packaged"' EXIT
run aws cloudformation package --template-file deploy/aws/template.yaml --s3-bucket "$packages" --s3-prefix "$stack" \
    --output-template-file "$packaged" > /dev/null
run aws cloudformation deploy --template-file "$packaged" --stack-name "$stack" --capabilities CAPABILITY_IAM \
    --s3-bucket "$packages" --s3-prefix "$stack" --no-fail-on-empty-changeset \
    --parameter-overrides "ImageTag=$tag" ${parameters[@]+"${parameters[@]}"}
run aws cloudformation describe-stacks --stack-name "$stack" --output table \
    --query 'Stacks[0].Outputs[].[OutputKey, OutputValue]'

echo "== what it costs" >&2
python3 deploy/aws/costs.py
