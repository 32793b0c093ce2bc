# Snapshots as code: copied to another Region, shared, archived, restored fast, and kept when they are deleted.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { Project = "snapshots" }
  }
}

provider "aws" {
  alias  = "west"
  region = "us-west-2"
}

variable "archived" {
  type    = bool
  default = false
}

variable "keep_days" {
  type    = number
  default = 3
}

resource "aws_ebs_volume" "data" {
  availability_zone = "us-east-1a"
  size              = 4
}

resource "aws_ebs_snapshot" "data" {
  volume_id   = aws_ebs_volume.data.id
  description = "nightly"
  tags        = { Name = "data" }
}

resource "aws_ebs_snapshot" "old" {
  volume_id              = aws_ebs_volume.data.id
  storage_tier           = var.archived ? "archive" : "standard"
  permanent_restore      = true
  temporary_restore_days = null
  # One after the other: they are of the same volume.
  depends_on = [aws_ebs_snapshot.data]
}

resource "aws_ebs_snapshot_copy" "west" {
  provider           = aws.west
  source_region      = "us-east-1"
  source_snapshot_id = aws_ebs_snapshot.data.id
  description        = "for bad times"
  tags               = { Name = "copy" }
}

resource "aws_snapshot_create_volume_permission" "partner" {
  snapshot_id = aws_ebs_snapshot.data.id
  account_id  = "222222222222"
}

resource "aws_ebs_snapshot_block_public_access" "this" {
  state = "block-all-sharing"
}

resource "aws_ebs_fast_snapshot_restore" "data" {
  availability_zone = "us-east-1a"
  snapshot_id       = aws_ebs_snapshot.data.id
}

resource "aws_rbin_rule" "live" {
  description   = "what is live is kept"
  resource_type = "EBS_SNAPSHOT"

  resource_tags {
    resource_tag_key   = "stage"
    resource_tag_value = "live"
  }

  retention_period {
    retention_period_value = var.keep_days
    retention_period_unit  = "DAYS"
  }

  tags = { Name = "live" }
}

data "aws_ebs_snapshot" "found" {
  most_recent = true
  owners      = ["self"]
  filter {
    name   = "tag:Name"
    values = ["data"]
  }
  depends_on = [aws_ebs_snapshot.data]
}

output "names" {
  value = {
    data  = aws_ebs_snapshot.data.id
    old   = aws_ebs_snapshot.old.id
    west  = aws_ebs_snapshot_copy.west.id
    found = data.aws_ebs_snapshot.found.id
    fast  = aws_ebs_fast_snapshot_restore.data.state
    rule  = aws_rbin_rule.live.id
  }
}
